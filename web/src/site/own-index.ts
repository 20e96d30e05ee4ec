// SPDX-License-Identifier: GPL-3.0-or-later
// The visitor's own choice of an index, in place of the one that the copy's publisher named. Kept in this browser, for this deployment.
import type { Site } from './site.ts'

const KEY = 'cohort/index/'
const MOST_LENGTH = 2_000

type TextShelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

const keyOf = ({ deployment }: Pick<Site, 'deployment'>): string =>
  `${KEY}${deployment.chainId}/${deployment.contracts.ModelRegistry}`

/** An address as somebody typed it; empty for no index. @throws Error that says what is wrong with it */
export function parseIndex(typed: string): string | null {
  const trimmed = typed.trim()
  if (trimmed === '') return null
  let url: URL | null = null
  try {
    url = new URL(trimmed)
  } catch {
    // Said below.
  }
  // The page's policy lets it talk to this machine in plain HTTP, to others over TLS alone.
  const local = url !== null && /^(localhost|127\.0\.0\.1)$/.test(url.hostname)
  if (
    url === null ||
    trimmed.length > MOST_LENGTH ||
    !(url.protocol === 'https:' || (local && url.protocol === 'http:'))
  )
    throw new Error(
      `'${trimmed.slice(0, 80)}' is no address of an index: type one such as https://index.example.org/graphql`,
    )
  return url.href
}

/** The site with the visitor's choice, if there is one that reads. */
export function withOwnIndex(site: Site, shelf: TextShelf | null = usualShelf()): Site {
  const kept = keptIn(site, shelf)
  if (kept === null) return site
  try {
    return { ...site, index: parseIndex(kept) }
  } catch {
    // Another page of this origin wrote it.
    return site
  }
}

/** What was chosen: an address, an empty text for none, null for no choice. */
function keptIn(site: Pick<Site, 'deployment'>, shelf: TextShelf | null): string | null {
  try {
    return shelf?.getItem(keyOf(site)) ?? null
  } catch {
    return null
  }
}

/** Keeps a choice for the next time that the page is opened; null takes it back. @throws Error where the browser keeps nothing, or for a bad address */
export function keepIndex(
  site: Pick<Site, 'deployment'>,
  typed: string | null,
  shelf: TextShelf | null = usualShelf(),
): void {
  if (shelf === null) throw new Error('this browser keeps nothing for the page, so that it cannot remember an index')
  if (typed === null) shelf.removeItem(keyOf(site))
  else shelf.setItem(keyOf(site), parseIndex(typed) ?? '')
}

/** Null where the browser denies storage: asking for it throws. */
function usualShelf(): TextShelf | null {
  try {
    return localStorage
  } catch {
    return null
  }
}
