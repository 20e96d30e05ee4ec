// SPDX-License-Identifier: GPL-3.0-or-later
import { inert } from './inert-text.ts'

/** The same as an element that no neighbour's direction of reading reaches. */
export function Inert({ text, most }: { readonly text: string; readonly most?: number }) {
  return <bdi>{inert(text, most)}</bdi>
}

/** An address or a hash, shortened; whole when it is pointed at. */
export function Hex({ value }: { readonly value: string }) {
  const short = value.length > 14 ? `${value.slice(0, 8)}…${value.slice(-4)}` : value
  return (
    <code class="hex" title={value}>
      {short}
    </code>
  )
}
