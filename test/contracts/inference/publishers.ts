// SPDX-License-Identifier: GPL-3.0-or-later
import { network } from 'hardhat'
import { accountsOf } from '../governance/accounts.ts'
import { restored } from '../restored.ts'

export const KIND = { none: 0, secp256k1: 1, p256: 2, rsa: 3, eddsa: 4 }
export const DAY = 86_400

/** A registry with one publisher; `add` gives it a key, valid from yesterday until tomorrow unless told. */
async function deployRegistry() {
  const { ethers, networkHelpers } = await network.create()
  const [owner, stranger] = await accountsOf(ethers)
  const registry = await ethers.deployContract('PublisherRegistry')
  await registry.registerPublisher('Harbour Gazette')
  const now = await networkHelpers.time.latest()
  const add = async (kind: number, material: string, from = now - DAY, until = now + DAY) => {
    await registry.addKey(1, kind, from, until, material)
    return registry.keyCount()
  }
  return { ethers, networkHelpers, registry, owner, stranger, now, add }
}

export const createRegistry = restored(deployRegistry)
