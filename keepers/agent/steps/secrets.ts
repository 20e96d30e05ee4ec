// SPDX-License-Identifier: GPL-3.0-or-later

/** Name of the secret that lives as long as the keeper. */
export const PEER_IDENTITY = 'keeper/peer identity'
