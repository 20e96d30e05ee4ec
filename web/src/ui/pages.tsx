// SPDX-License-Identifier: GPL-3.0-or-later

/** Buttons between the pages of a list whose newest entries come first; nothing for one that fits a page. */
export function Pages({
  count,
  page,
  skip,
  onSkip,
}: {
  readonly count: number
  /** Entries of a page. */
  readonly page: number
  /** The newest entries that are left out. */
  readonly skip: number
  readonly onSkip: (skip: number) => void
}) {
  if (count <= page) return null
  return (
    <p class="pages">
      <button type="button" disabled={skip === 0} onClick={() => onSkip(Math.max(0, skip - page))}>
        Newer
      </button>{' '}
      <button type="button" disabled={skip + page >= count} onClick={() => onSkip(skip + page)}>
        Older
      </button>
    </p>
  )
}
