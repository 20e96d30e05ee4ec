// SPDX-License-Identifier: GPL-3.0-or-later

/** Reasons for which a keeper adds up everything by itself after an attempt, for log lines. */
export const ALONE = {
  unsound: 'the update that it checks is not what it must be',
  doubted: 'more than a third of the messages are in doubt, or one in doubt is not sound',
  open: 'nobody settles the sum of more than half of the slices',
  disagreed: 'members of a slice say different things, or fewer than two say anything',
  withheld: 'nobody handed over a sum that was made',
} as const
export type Alone = keyof typeof ALONE
