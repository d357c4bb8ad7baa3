/** Where a person shows the token: a form, which needs no script. */
import type { Refused } from '../../serve/login.ts';
import { useReading } from '../parts/context.ts';

export interface LoginPageProps {
  /** Why the form is shown again: the token was wrong, or too many were. */
  readonly refused: Refused | null;
  /** Where to go on. A path of this site. */
  readonly next: string;
}

export function LoginPage({ refused, next }: LoginPageProps) {
  const { t } = useReading();
  return (
    <main class="login" id="content">
      <form method="post" action="/login" class="panel">
        <h1>{t.login.title}</h1>
        <p class="quiet">{t.login.intro}</p>
        {refused !== null && (
          <p class="danger" role="alert">
            {t.login.refused[refused]}
          </p>
        )}
        <input type="hidden" name="next" value={next} />
        <label>
          {t.login.token}
          <input type="password" name="token" required autocomplete="current-password" />
        </label>
        <button type="submit" class="primary">
          {t.login.enter}
        </button>
      </form>
    </main>
  );
}
