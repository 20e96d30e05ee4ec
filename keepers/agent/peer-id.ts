// SPDX-License-Identifier: GPL-3.0-or-later
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'

/** The libp2p peer id of an ed25519 seed. */
export async function peerIdOf(seed: Uint8Array): Promise<string> {
  return (await generateKeyPairFromSeed('Ed25519', seed)).publicKey.toString()
}
