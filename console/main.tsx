/** The console begins: who is signed in? Then the page, or the sign-in page. */
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/table.css';
import './styles/things.css';
import { render } from 'preact';
import { loadSession, me } from './api/session.ts';
import { ConfirmHost } from './parts/confirm.tsx';
import { ToastHost } from './parts/toasts.tsx';
import { Shell } from './shell/shell.tsx';
import { SignIn } from './shell/sign-in.tsx';

function App() {
  if (me.value === undefined) return null;
  if (me.value === null) return <SignIn />;
  return (
    <>
      <Shell />
      <ConfirmHost />
      <ToastHost />
    </>
  );
}

render(<App />, document.querySelector('#app')!);
void loadSession();
