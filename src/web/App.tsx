/** A page, from its data: the same on the server and in the browser. */
import { OverviewPage } from './pages/OverviewPage.tsx';
import type { OverviewPageProps } from './pages/OverviewPage.tsx';
import { ReadingContext, readingOf } from './parts/context.ts';
import type { Reader } from './reader.ts';

/** What the server hands to the browser beside the drawn page. */
export type PageData = { readonly reader: Reader } & ({ readonly page: 'overview' } & OverviewPageProps);

export const App = ({ data }: { readonly data: PageData }) => (
  <ReadingContext.Provider value={readingOf(data.reader)}>
    <Page data={data} />
  </ReadingContext.Provider>
);

function Page({ data }: { readonly data: PageData }) {
  switch (data.page) {
    case 'overview':
      return <OverviewPage {...data} />;
  }
}
