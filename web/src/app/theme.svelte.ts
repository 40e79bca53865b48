// Day or night: as the system has it, unless somebody chose one here.

export type Theme = 'system' | 'light' | 'dark';

const KEPT = 'theme';
/** What the browser paints around the page: `--page` of tokens.css. */
const AROUND = { light: '#faf8f5', dark: '#15120f' };

function kept(): Theme {
  try {
    const theme = localStorage.getItem(KEPT);
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  } catch {
    return 'system';
  }
}

class Chosen {
  #current = $state<Theme>(kept());

  constructor() {
    this.#show();
  }

  get current(): Theme {
    return this.#current;
  }

  set current(theme: Theme) {
    this.#current = theme;
    this.#show();
    try {
      if (theme === 'system') localStorage.removeItem(KEPT);
      else localStorage.setItem(KEPT, theme);
    } catch {
      // Then it lasts until the page is closed.
    }
  }

  #show(): void {
    if (typeof document === 'undefined') return;
    const theme = this.#current;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')) {
      const own = meta.media.includes('dark') ? 'dark' : 'light';
      meta.content = AROUND[theme === 'system' ? own : theme];
    }
  }
}

/** `theme.current` is reactive; setting it keeps it on this device. */
export const theme = new Chosen();
