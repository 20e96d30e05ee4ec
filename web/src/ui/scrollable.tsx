// SPDX-License-Identifier: GPL-3.0-or-later
import type { ComponentChildren } from 'preact'

/** A table that may be wider than the window. It takes the keyboard's focus, so that arrow keys can scroll it (WCAG 2.1.1). */
export function Scrollable({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached without a pointer.
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  )
}
