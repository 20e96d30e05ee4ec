// SPDX-License-Identifier: GPL-3.0-or-later

/** Of curves, in turn: each can be seen on light and on dark paper. */
export const COLOURS = ['#2b6cff', '#c4541a', '#198754', '#8a4fc7', '#0f8b8d', '#b8860b'] as const
