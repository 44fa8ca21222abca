/** The few icons, drawn with the colour of the text. They never say anything alone: a label stands beside or behind them. */
import type { ComponentChildren } from 'preact';

function icon(children: ComponentChildren) {
  return function Icon() {
    return (
      <svg class="icon" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" focusable="false">
        {children}
      </svg>
    );
  };
}

export const MenuIcon = icon(<path d="M3 5h14M3 10h14M3 15h14" />);
export const CloseIcon = icon(<path d="M5 5l10 10M15 5L5 15" />);
export const SunIcon = icon(
  <>
    <circle cx="10" cy="10" r="3.5" />
    <path d="M10 2v2M10 16v2M2 10h2M16 10h2M4.4 4.4l1.4 1.4M14.2 14.2l1.4 1.4M4.4 15.6l1.4-1.4M14.2 5.8l1.4-1.4" />
  </>,
);
export const MoonIcon = icon(<path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z" />);
export const OutIcon = icon(<path d="M8 3H4v14h4M12 6l4 4-4 4M16 10H7" />);
export const ExternalIcon = icon(<path d="M8 4H4v12h12v-4M11 4h5v5M16 4l-7 7" />);
export const DownloadIcon = icon(<path d="M10 3v9M6 9l4 4 4-4M4 16h12" />);
export const RefreshIcon = icon(<path d="M16 10a6 6 0 1 1-1.8-4.3M16 3v3.5h-3.5" />);
