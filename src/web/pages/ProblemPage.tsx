/** What can't be shown, and why. */
import type { Problem } from '../../api/answers.ts';
import { useReading } from '../parts/context.ts';
import { Shell } from '../parts/Shell.tsx';

export interface ProblemPageProps {
  readonly problem: Problem;
  readonly address: string;
}

export function ProblemPage({ problem, address }: ProblemPageProps) {
  const { t } = useReading();
  const [title, text] = textsFor(problem, t.problem);
  return (
    <Shell address={address} here={null} connection={null}>
      <section class="panel problem">
        <h1>{title}</h1>
        {text !== null && <p>{text}</p>}
        <p class="quiet" lang="en">
          {problem.detail}
        </p>
        <p>
          {problem.status >= 500 && (
            <>
              <a href={address}>{t.problem.again}</a>{' '}
            </>
          )}
          <a href="/">{t.problem.back}</a>
        </p>
      </section>
    </Shell>
  );
}

function textsFor(
  { status }: Problem,
  texts: ReturnType<typeof useReading>['t']['problem'],
): readonly [title: string, text: string | null] {
  if (status === 404) return [texts.notFound, texts.notFoundText];
  return status >= 500 ? [texts.failed, status === 503 ? texts.failedText : null] : [texts.bad, null];
}
