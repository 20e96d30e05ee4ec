// SPDX-License-Identifier: GPL-3.0-or-later
import type { ComponentChildren } from 'preact'

/** "What is proven, and to whom" of a screen, in the words of docs/glossary.md. */
export function Explain({ children }: { readonly children: ComponentChildren }) {
  return (
    <details class="explain">
      <summary>What is proven, and to whom</summary>
      {children}
    </details>
  )
}
