// SPDX-License-Identifier: GPL-3.0-or-later
// Random play of claimants, challengers that hit or miss, a signing auditor, closers and the clock. A ledger of the test's own says after each
// step what everybody is owed, by the rules; the registry's balances have to agree, and it has to hold the bonds that stand or are open.
import { expect } from 'chai'
import { randomFrom } from '../invariants/random.ts'
import { BATCHES, BOND, type createClaims, DAY, ELSEWHERE, SOURCE, STATUS } from './claims.ts'

const SEED = 20261130

type World = Awaited<ReturnType<typeof createClaims>>

/**
 * Plays, and ends everything in the end.
 * @returns how often each action worked, and under `again` how many refutations were of claims that had fallen
 * @throws AssertionError where money went astray
 */
export async function play(world: World, steps: number): Promise<Readonly<Record<string, number>>> {
  const { claims, terms, publish, refutation, tree, pool, ethers, networkHelpers, auditor } = world
  const { user, stranger, treasury } = world
  const people = [user, stranger, auditor]
  const random = randomFrom(SEED)
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  const poolId = await pool()
  const index = await world.drawn(poolId)
  const numbers = (count: bigint) => Array.from({ length: Number(count) }, (_, i) => BigInt(i + 1))

  const ledger = new Map([...people, treasury].map(({ address }) => [address, 0n]))
  const credit = (address: string, amount: bigint) => void ledger.set(address, ledger.get(address)! + amount)
  const forfeit = (bond: bigint, winner: string) => {
    credit(treasury.address, bond / 4n)
    credit(winner, bond - bond / 4n)
  }
  const standing = async (id: bigint) => (await claims.claimOf(id)).status === STATUS.standing

  const held = async () => {
    let sum = 0n
    for (const id of numbers(await claims.claimCount())) {
      const { status, bond } = await claims.claimOf(id)
      if (status === STATUS.standing) sum += bond
    }
    for (const id of numbers(await claims.challengeCount())) {
      const { settled, bond } = await claims.challengeOf(id)
      if (!settled) sum += bond
    }
    return sum
  }
  const check = async (step: string) => {
    let owed = 0n
    for (const [address, amount] of ledger) {
      expect(await claims.balanceOf(address), `${step}: owed to ${address}`).to.equal(amount)
      owed += amount
    }
    expect(await ethers.provider.getBalance(claims), step).to.equal(owed + (await held()))
  }

  /** Most are among the latest. */
  const late = (count: bigint) => count - BigInt(below(Math.min(3, Number(count))))
  const done: Record<string, number> = {}
  const settle = async (id: bigint) => {
    const { challenger, claimId, bond, decidedBy } = await claims.challengeOf(id)
    const { status, claimant, fellIn } = await claims.claimOf(claimId)
    await claims.settleChallenge(id)
    if (status === STATUS.fallen && decidedBy >= fellIn) credit(challenger, bond)
    else forfeit(bond, claimant)
  }
  const release = async (id: bigint) => {
    const { claimant, bond } = await claims.claimOf(id)
    await claims.releaseBond(id)
    credit(claimant, bond)
  }
  const withdraw = async (address: string) => {
    await claims.withdraw(address, address)
    ledger.set(address, 0n)
  }
  const actions: Record<string, () => Promise<unknown>> = {
    publish: async () => {
      const by = pick(people)
      // Odd amounts, so that quarters leave something over.
      const bond = pick([0n, 3n, BOND + 1n, BOND / 3n])
      // Below all that has fallen.
      const guarantee = Math.max(0, 60 - 2 * ((done.refute ?? 0) + (done.refuteSigned ?? 0)) - below(2))
      const expiresAt = (await world.now()) + (5 + below(20)) * DAY
      // The pool drew for the user; others' claims name it for challenges.
      const source = by === user ? SOURCE.draw : SOURCE.claimant
      const given = await terms({ source, poolId, auditor: auditor.address, guarantee, expiresAt })
      const evidence = { signature: '0x', path: tree.path(index) }
      return publish(given, { by, batch: BATCHES[index]!, evidence, bond })
    },
    challenge: async () => {
      const claimId = late(await claims.claimCount())
      await claims.connect(pick(people)).openChallenge(claimId, { value: await claims.challengeBond(claimId) })
      await networkHelpers.mine(2)
    },
    fix: async () => claims.fixChallenge(late(await claims.challengeCount())),
    refute: async () => {
      const drawn: bigint[] = []
      for (const each of numbers(await claims.challengeCount())) {
        const { settled, indexPlusOne } = await claims.challengeOf(each)
        if (!settled && indexPlusOne > 0n) drawn.push(each)
      }
      const id = drawn.at(-1)!
      const { challenger, claimId, indexPlusOne, bond } = await claims.challengeOf(id)
      const by = people.find(({ address }) => address === challenger)!
      const hit = Number(indexPlusOne) - 1
      const proof = await refutation(by, claimId, BATCHES[hit]!, id)
      const falls = await standing(claimId)
      await claims.connect(by).refute(id, BATCHES[hit]!, tree.path(hit), proof)
      credit(challenger, bond)
      if (falls) forfeit((await claims.claimOf(claimId)).bond, challenger)
      else done.again = (done.again ?? 0) + 1
    },
    refuteSigned: async () => {
      const [by, claimId] = [pick(people), late(await claims.claimCount())]
      const signature = await world.counterSigned(by, claimId, ELSEWHERE)
      const proof = await refutation(by, claimId, ELSEWHERE)
      const falls = await standing(claimId)
      await claims.connect(by).refuteSigned(claimId, ELSEWHERE, signature, proof)
      if (falls) forfeit((await claims.claimOf(claimId)).bond, by.address)
      else done.again = (done.again ?? 0) + 1
    },
    settle: async () => await settle(pick(numbers(await claims.challengeCount()))),
    release: async () => await release(pick(numbers(await claims.claimCount()))),
    withdraw: async () => await withdraw(pick(people).address),
    wait: async () => networkHelpers.time.increase(pick([DAY, 8 * DAY])),
  }
  const names = Object.keys(actions)
  const often = [
    ...names,
    ...['publish', 'challenge', 'challenge', 'fix', 'fix', 'refute', 'settle', 'settle', 'release', 'wait'],
  ]
  for (let step = 0; step < steps; step++) {
    const name = step < 2 ? 'publish' : pick(often)
    try {
      await actions[name]!()
      done[name] = (done[name] ?? 0) + 1
    } catch {
      // Refused: then nothing may have moved.
    }
    await check(`step ${step}, ${name}`)
  }

  await networkHelpers.time.increase(400 * DAY)
  for (const id of numbers(await claims.challengeCount())) if (!(await claims.challengeOf(id)).settled) await settle(id)
  for (const id of numbers(await claims.claimCount())) if (await standing(id)) await release(id)
  await check('everything is over')
  for (const { address } of [...people, treasury]) if ((await claims.balanceOf(address)) > 0n) await withdraw(address)
  expect(await ethers.provider.getBalance(claims)).to.equal(0n)
  return Object.fromEntries([...names, 'again'].map((name) => [name, done[name] ?? 0]))
}
