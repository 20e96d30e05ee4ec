// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { contractInterface, type TransactionRequest } from '../../chain/index.ts'
import { paidBy, windowOf } from '../actions.ts'
import type { AgentContext, Step } from '../context.ts'
import { heldEncryptionKeys, makeEncryptionKey, noteRegistered } from '../encryption-keys.ts'
import { rosterHere } from '../frame.ts'
import { epochName } from '../members.ts'

/** Record of the epoch that has made a key for the next one. */
const RENEWAL = 'encryption key renewal'
const schema = z.object({ epoch: z.string(), publicKey: z.string(), done: z.boolean() }).nullable()

/**
 * Makes a key for the next epoch and puts it into the registry, once per epoch. An epoch uses the key that the registry has when it opens. If
 * that is still the old key, this keeper still holds it.
 */
export function renewEncryptionKey(step: Step & { readonly seat: number }): Promise<void> {
  const running = renewals.get(step.context)
  if (running !== undefined) return running
  const started = renew(step).finally(() => renewals.delete(step.context))
  renewals.set(step.context, started)
  return started
}

/** Renewals under way, so that a second caller waits for the first one's. */
const renewals = new WeakMap<AgentContext, Promise<void>>()

async function renew(step: Step & { readonly seat: number }): Promise<void> {
  const { context, snapshot } = step
  const { store } = context
  const epoch = epochName(snapshot.epochInfo)
  const known = schema.parse(store.getRecord(RENEWAL))
  if (known?.epoch === epoch && known.done) return
  const publicKey =
    known?.epoch === epoch ? known.publicKey : Buffer.from(makeEncryptionKey(store, snapshot.epoch)).toString('hex')
  store.putRecord(RENEWAL, { epoch, publicKey, done: false })
  const owner = (await rosterHere(step)).find(({ seat }) => seat === step.seat)!.address
  await register(context, owner, Buffer.from(publicKey, 'hex'), step.signal, windowOf(snapshot))
  store.putRecord(RENEWAL, { epoch, publicKey, done: true })
}

/** At start: a restored or moved folder may lack the secret of the key in the registry. Then the keeper registers a key that it holds. */
export async function ensureEncryptionKey(context: AgentContext, owner: string): Promise<void> {
  const { store, contracts, log } = context
  const { encryptionKey } = await contracts.registry.keeperOf(owner)
  const current = Buffer.from(encryptionKey.slice(2), 'hex')
  if (heldEncryptionKeys(store).some((held) => current.equals(held))) {
    noteRegistered(store, current)
    return
  }
  log.warn({ event: 'encryption key unknown' }, 'the registry has an encryption key that this folder does not hold')
  await register(context, owner, makeEncryptionKey(store, 0), context.stopping)
}

/** At start no window limits a transaction: relayers get the longest time that they ever get. */
const ANY_TIME = { end: 2 ** 40, left: 120 }

async function register(
  context: AgentContext,
  owner: string,
  publicKey: Uint8Array,
  signal: AbortSignal,
  window: TransactionRequest['window'] = ANY_TIME,
): Promise<void> {
  const hex = `0x${Buffer.from(publicKey).toString('hex')}`
  const to = await context.contracts.registry.getAddress()
  const data = contractInterface('KeeperRegistry').encodeFunctionData('setEncryptionKey', [owner, hex])
  const receipt = await context.queue.send({ key: `setEncryptionKey/${hex.slice(2, 18)}`, to, data, window }, signal)
  const gas = paidBy(context.operator, receipt)
  context.metrics.gas.inc({ step: 'setEncryptionKey' }, gas)
  noteRegistered(context.store, publicKey)
  context.log.info(
    { event: 'acted', method: 'setEncryptionKey', publicKey: hex, gas },
    'told the registry a new encryption key',
  )
}
