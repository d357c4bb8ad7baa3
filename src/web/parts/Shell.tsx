/** What stands around every page. */
import type { ComponentChildren } from 'preact';
import { changed } from '../addresses.ts';
import { LANGUAGES, SWITCHES, THEMES, ZONES } from '../reader.ts';
import type { Reader } from '../reader.ts';
import { useReading } from './context.ts';

interface ShellProps {
  /** Path and query of this page. */
  readonly address: string;
  readonly here: 'overview' | 'what-if' | null;
  /** How the page hears of what is new. */
  readonly connection: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Shell({ address, here, connection, children }: ShellProps) {
  const { t, reader } = useReading();
  return (
    <>
      <a class="skip" href="#content">
        {t.skip}
      </a>
      <header class="top">
        <a class="brand" href="/">
          <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
            <path class="brand-bucket" d="M4 7h16l-2 14H6z" />
            <path class="brand-water" d="M5.2 13h13.6l-1 7H6.2z" />
            <path class="brand-handle" d="M4 7a8 5 0 0 1 16 0" />
          </svg>
          Balde
        </a>
        <nav aria-label={t.navigation}>
          <a href="/" aria-current={here === 'overview' ? 'page' : undefined}>
            {t.overview}
          </a>
          <a href="/what-if" aria-current={here === 'what-if' ? 'page' : undefined}>
            {t.whatIf}
          </a>
        </nav>
        <div class="connection">{connection}</div>
        <Settings address={address} reader={reader} />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <footer>
        <p>{t.zoneNote[reader.zone]}</p>
      </footer>
    </>
  );
}

/** Links, so that they work without scripts; a cookie keeps the choice. */
function Settings({ address, reader }: { readonly address: string; readonly reader: Reader }) {
  const { t, isSignedIn } = useReading();
  const groups = [
    { of: 'language', label: t.language, values: LANGUAGES, texts: t.languages },
    { of: 'zone', label: t.zone, values: ZONES, texts: t.zones },
    { of: 'theme', label: t.theme, values: THEMES, texts: t.themes },
  ] as const;
  return (
    <details class="settings">
      <summary>{t.settings}</summary>
      <div class="settings-panel">
        {groups.map(({ of, label, values, texts }) => (
          <section key={of} aria-label={label}>
            <h2>{label}</h2>
            {values.map((value) => (
              <a
                key={value}
                href={changed(address, { [SWITCHES[of]]: value })}
                aria-current={reader[of] === value ? 'true' : undefined}
                lang={of === 'language' ? value : undefined}
              >
                {(texts as Readonly<Record<string, string>>)[value]}
              </a>
            ))}
          </section>
        ))}
        {isSignedIn && (
          <form method="post" action="/logout">
            <button type="submit">{t.login.leave}</button>
          </form>
        )}
      </div>
    </details>
  );
}
