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
    scrollTo(0, 0)
    focusHeading()
  })
}

/** Milliseconds that a screen has to show its heading. */
const PATIENCE = 5_000

/**
 * Puts the focus on the heading of the screen that was asked for, as soon as it is there: a screen reader says it, and the next Tab goes on
 * from there. A visitor who moves the focus meanwhile keeps it. The tab's title says the screen, too.
 */
function focusHeading(): void {
  const main = document.querySelector<HTMLElement>('main')
  main?.focus()
  const until = performance.now() + PATIENCE
  const place = route.peek()
  const look = (): void => {
    if (route.peek() !== place || performance.now() > until || document.activeElement !== main) return
    const heading = main?.querySelector<HTMLElement>('h1')
    // A heading of the last screen may still be there in the frame after the change.
    if (heading == null || main?.dataset.screen !== (place[0] ?? 'service')) return void requestAnimationFrame(look)
    heading.tabIndex = -1
    heading.focus({ preventScroll: true })
    document.title = `${heading.textContent?.trim()} · Cohort`
  }
  requestAnimationFrame(look)
}

/** The address of a screen. */
export function link(...parts: readonly (string | number)[]): string {
  return `#/${parts.map((part) => encodeURIComponent(part)).join('/')}`
}
