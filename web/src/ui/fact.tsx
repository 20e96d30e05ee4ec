// SPDX-License-Identifier: GPL-3.0-or-later
import type { ComponentChildren } from 'preact'

/** One name and value of a list of class `facts`. */
export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
