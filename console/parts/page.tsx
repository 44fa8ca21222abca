/** The frame of a page: its heading, what one can do here, and the rest. */
import type { ComponentChildren } from 'preact';

export function Page({
  title,
  lead,
  actions,
  children,
}: {
  title: ComponentChildren;
  /** One line about what is shown. */
  lead?: ComponentChildren;
  /** Buttons, at the right of the heading. */
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <>
      <header class="page-head">
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          {lead !== undefined && <p class="lead">{lead}</p>}
        </div>
        {actions !== undefined && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

/** A part of a page, with a heading of its own. */
export function Panel({
  title,
  actions,
  children,
  class: extra = '',
}: {
  title?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
}) {
  return (
    <section class={`panel ${extra}`}>
      {(title !== undefined || actions !== undefined) && (
        <header class="panel-head">
          {title !== undefined && <h2>{title}</h2>}
          {actions !== undefined && <div class="panel-actions">{actions}</div>}
        </header>
      )}
      <div class="panel-body">{children}</div>
    </section>
  );
}

/** Nothing is there: says so, and what to do next. */
export function Empty({
  title,
  detail,
  children,
}: {
  title: ComponentChildren;
  detail?: ComponentChildren;
  /** The next step: a link or a button. */
  children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {detail !== undefined && <p>{detail}</p>}
      {children !== undefined && <div class="row">{children}</div>}
    </div>
  );
}

/** Names and values of one thing. */
export function Facts({ items }: { items: readonly (readonly [ComponentChildren, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {items.map(([name, value], index) => (
        <div key={index}>
          <dt>{name}</dt>
          <dd>{value ?? '–'}</dd>
        </div>
      ))}
    </dl>
  );
}
