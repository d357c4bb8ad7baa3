/** Moving and zooming a chart by wheel, by fingers and by keys. Dragging a range is the chart's own. */
import { moved, zoomed } from '../ranges.ts';
import type { TimeRange } from '../ranges.ts';

interface Target {
  readonly range: () => TimeRange;
  readonly show: (range: TimeRange) => void;
  readonly reset: () => void;
}

const STEP = 0.2;
const CLOSER = 0.7;

/** @param focused what has the focus @returns ends it */
export function keys(focused: HTMLElement, target: Target): () => void {
  const pressed = (event: KeyboardEvent): void => onKey(event, target);
  focused.addEventListener('keydown', pressed);
  return () => focused.removeEventListener('keydown', pressed);
}

/** @param surface where lines are drawn @returns ends it */
export function gestures(surface: HTMLElement, target: Target): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  const shareAt = (clientX: number): number => {
    const { left, width } = surface.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - left) / width));
  };
  surface.addEventListener(
    'wheel',
    (event) => {
      // Scrolling the page stays scrolling: zooming asks for a key, as maps do.
      if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      if (event.ctrlKey) target.show(zoomed(target.range(), Math.exp(event.deltaY / 300), shareAt(event.clientX)));
      else target.show(moved(target.range(), (event.deltaX || event.deltaY) / surface.clientWidth));
    },
    { signal, passive: false },
  );
  fingers(surface, target, shareAt, signal);
  return () => ended.abort();
}

const KEYS: Readonly<Record<string, (range: TimeRange) => TimeRange>> = {
  ArrowLeft: (range) => moved(range, -STEP),
  ArrowRight: (range) => moved(range, STEP),
  '+': (range) => zoomed(range, CLOSER),
  '=': (range) => zoomed(range, CLOSER),
  '-': (range) => zoomed(range, 1 / CLOSER),
};

function onKey(event: KeyboardEvent, target: Target): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const change = KEYS[event.key];
  if (change === undefined && event.key !== 'Home') return;
  event.preventDefault();
  if (change === undefined) target.reset();
  else target.show(change(target.range()));
}

/** One finger moves, two zoom. */
function fingers(surface: HTMLElement, target: Target, shareAt: (x: number) => number, signal: AbortSignal): void {
  const down = new Map<number, number>();
  const middle = (): number => [...down.values()].reduce((sum, x) => sum + x, 0) / down.size;
  const spread = (): number => Math.max(...down.values()) - Math.min(...down.values());
  surface.addEventListener(
    'pointerdown',
    (event) => {
      if (event.pointerType !== 'touch') return;
      down.set(event.pointerId, event.clientX);
      surface.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  surface.addEventListener(
    'pointermove',
    (event) => {
      if (!down.has(event.pointerId)) return;
      const before = { middle: middle(), spread: spread() };
      down.set(event.pointerId, event.clientX);
      const range = moved(target.range(), (before.middle - middle()) / surface.clientWidth);
      const factor = down.size > 1 && spread() > 10 ? before.spread / spread() : 1;
      target.show(factor === 1 ? range : zoomed(range, factor, shareAt(middle())));
    },
    { signal },
  );
  for (const end of ['pointerup', 'pointercancel'] as const)
    surface.addEventListener(end, ({ pointerId }) => down.delete(pointerId), { signal });
}
