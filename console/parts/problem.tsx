/** What went wrong: title, what to do, the request's id for whoever is asked for help, and another try. */
import type { ApiProblem } from '../api/call.ts';
import { t } from '../shell/texts.ts';

export function ProblemNote({ problem, retry }: { problem: ApiProblem; retry?: () => void }) {
  const { title, message, code, requestId, errors } = problem;
  return (
    <div class="problem" role="alert">
      <p class="problem-title">{title}</p>
      <p>{message}</p>
      {errors.length > 1 && (
        <ul>
          {errors.slice(0, 10).map(({ path, message: why }) => (
            <li key={path + why}>
              <code>{path}</code> {why}
            </li>
          ))}
        </ul>
      )}
      <p class="problem-foot">
        <code>{code}</code>
        {requestId !== '' && (
          <span>
            {t().problem.requestId} <code>{requestId}</code>
          </span>
        )}
        {retry !== undefined && (
          <button type="button" class="button small" onClick={retry}>
            {t().problem.retry}
          </button>
        )}
      </p>
    </div>
  );
}
