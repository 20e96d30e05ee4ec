// SPDX-License-Identifier: GPL-3.0-or-later

/** Names of the secrets that live as long as the keeper. */
export const ENCRYPTION_KEY = 'keeper/encryption key'
export const PEER_IDENTITY = 'keeper/peer identity'
