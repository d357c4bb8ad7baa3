/** A table that scrolls by itself where it is wider than the page. */
import type { ComponentChildren } from 'preact';

interface TableProps {
  /** For who hears it. */
  readonly label: string;
  readonly columns: readonly string[];
  readonly kind?: 'sides' | 'differences' | 'consumers';
  readonly caption?: string;
  /** Its rows. */
  readonly children: ComponentChildren;
}

export function Table({ label, columns, kind, caption, children }: TableProps) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table class={kind === undefined ? 'plain' : `plain ${kind}`}>
        {caption !== undefined && <caption>{caption}</caption>}
        <thead>
          <tr>
            {columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
