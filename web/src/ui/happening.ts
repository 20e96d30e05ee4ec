// SPDX-License-Identifier: GPL-3.0-or-later

/** Something that the log says, in words. */
export type Happening = { readonly block: number; readonly text: string; readonly transactionHash: string }
