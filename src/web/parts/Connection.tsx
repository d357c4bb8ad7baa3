/** Whether what is shown is what is: said in words, and at once when it changes. */
import { useReading } from './context.ts';

/** `away`: Balde is there, and its database is not. */
export type ConnectionState = 'connecting' | 'live' | 'waiting' | 'away' | 'past' | 'still';

export function Connection({ state, age }: { readonly state: ConnectionState; readonly age: number | null }) {
  const { t, words } = useReading();
  return (
    <>
      <span role="status" class={`connection-state connection-${state}`}>
        {t.connection[state]}
      </span>
      {state !== 'past' && <span class="newest">{age === null ? t.noObservation : t.newest(words.duration(age))}</span>}
    </>
  );
}
