// SPDX-License-Identifier: GPL-3.0-or-later

/** One whole token. */
export const COH = 10n ** 18n
