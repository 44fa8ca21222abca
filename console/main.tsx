/** The console begins: who is signed in? Then the page, or the sign-in page. */
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import { render } from 'preact';
import { loadSession, me } from './api/session.ts';
import { Shell } from './shell/shell.tsx';
import { SignIn } from './shell/sign-in.tsx';

function App() {
  if (me.value === undefined) return null;
  return me.value === null ? <SignIn /> : <Shell />;
}

render(<App />, document.querySelector('#app')!);
void loadSession();
