// SPDX-License-Identifier: GPL-3.0-or-later
// Addresses of the console's screens: in the fragment, so that any static host serves them, IPFS included.
import { signal } from '@preact/signals'

/** Parts of the path after `#/`, decoded. */
export const route = signal<readonly string[]>(read())

function read(): readonly string[] {
  const path = location.hash.replace(/^#\/?/, '')
  return path.split('/').filter(Boolean).map(decode)
}

/** A link that somebody made by hand may not decode. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function followRoute(): void {
  // It may have changed since this file was read.
  route.value = read()
  addEventListener('hashchange', () => {
    route.value = read()
    document.querySelector<HTMLElement>('main')?.focus()
    scrollTo(0, 0)
  })
}

/** The address of a screen. */
export function link(...parts: readonly (string | number)[]): string {
  return `#/${parts.map((part) => encodeURIComponent(part)).join('/')}`
}
