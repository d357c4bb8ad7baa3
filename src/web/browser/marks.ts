/** What is painted behind and over the lines: blind time, alerts, forecasts. */
import type uPlot from 'uplot';
import type { ChartData, Span } from '../chartData.ts';
import { colour } from './colours.ts';

const STRIP = 6;

/** `data` gives what is shown at the moment. */
export const marks = (data: () => ChartData): uPlot.Plugin => ({
  hooks: {
    drawClear: (plot) => inside(plot, () => data().blind.forEach((span) => shade(plot, span))),
    draw: (plot) =>
      inside(plot, () => {
        data().forecasts.forEach((span) => forecast(plot, span));
        data().alerts.forEach((span) => alert(plot, span, span.severity));
      }),
  },
});

function inside(plot: uPlot, paint: () => void): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  paint();
  ctx.restore();
}

const xOf = (plot: uPlot, at: number): number => plot.valToPos(at, 'x', true);

function shade(plot: uPlot, { from, to }: Span): void {
  const { ctx, bbox } = plot;
  const left = xOf(plot, from);
  ctx.fillStyle = colour('stale-fill', 0.22);
  ctx.fillRect(left, bbox.top, Math.max(1, xOf(plot, to) - left), bbox.height);
}

/** A strip along the top for as long as it was open, and a line where it was raised. */
function alert(plot: uPlot, { from, to }: Span, severity: string): void {
  const { ctx, bbox } = plot;
  const left = xOf(plot, from);
  const strip = STRIP * devicePixelRatio;
  ctx.fillStyle = colour(severity === 'CRITICAL' ? 'critical-fill' : 'warning-fill');
  ctx.fillRect(left, bbox.top, Math.max(2, xOf(plot, to) - left), strip);
  ctx.fillRect(left, bbox.top, Math.max(1, devicePixelRatio), bbox.height);
}

/** From when it was made to when it said that the bucket would be empty: a line that falls to the axis. */
function forecast(plot: uPlot, { from, to }: Span): void {
  const { ctx, bbox } = plot;
  const bottom = bbox.top + bbox.height;
  ctx.strokeStyle = colour('critical');
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(xOf(plot, from), bbox.top + bbox.height * 0.5);
  ctx.lineTo(xOf(plot, to), bottom);
  ctx.stroke();
  ctx.setLineDash([]);
}
