/** A page that is still to be made. */
import { Page } from './page.tsx';

export function placeholder(title: () => string) {
  return function Placeholder() {
    return <Page title={title()}>…</Page>;
  };
}
