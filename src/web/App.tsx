/** A page, from its data: the same on the server and in the browser. */
import { AlertPage } from './pages/AlertPage.tsx';
import type { AlertPageProps } from './pages/AlertPage.tsx';
import { BucketPage } from './pages/BucketPage.tsx';
import type { BucketPageProps } from './pages/BucketPage.tsx';
import { LoginPage } from './pages/LoginPage.tsx';
import type { LoginPageProps } from './pages/LoginPage.tsx';
import { OverviewPage } from './pages/OverviewPage.tsx';
import type { OverviewPageProps } from './pages/OverviewPage.tsx';
import { ProblemPage } from './pages/ProblemPage.tsx';
import type { ProblemPageProps } from './pages/ProblemPage.tsx';
import { WhatIfPage } from './pages/WhatIfPage.tsx';
import type { WhatIfPageProps } from './pages/WhatIfPage.tsx';
import { ReadingContext, readingOf } from './parts/context.ts';
import type { Reader } from './reader.ts';

/** What the server hands to the browser beside the drawn page. */
export type PageData = { readonly reader: Reader; readonly isSignedIn?: boolean } & (
  | ({ readonly page: 'overview' } & OverviewPageProps)
  | ({ readonly page: 'bucket' } & BucketPageProps)
  | ({ readonly page: 'alert' } & AlertPageProps)
  | ({ readonly page: 'whatIf' } & WhatIfPageProps)
  | ({ readonly page: 'login' } & LoginPageProps)
  | ({ readonly page: 'problem' } & ProblemPageProps)
);

export const App = ({ data }: { readonly data: PageData }) => (
  <ReadingContext.Provider value={readingOf(data.reader, data.isSignedIn)}>
    <Page data={data} />
  </ReadingContext.Provider>
);

function Page({ data }: { readonly data: PageData }) {
  switch (data.page) {
    case 'overview':
      return <OverviewPage {...data} />;
    case 'bucket':
      return <BucketPage {...data} />;
    case 'alert':
      return <AlertPage {...data} />;
    case 'whatIf':
      return <WhatIfPage {...data} />;
    case 'login':
      return <LoginPage {...data} />;
    case 'problem':
      return <ProblemPage {...data} />;
  }
}
