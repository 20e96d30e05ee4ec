// SPDX-License-Identifier: GPL-3.0-or-later
// A member's work in an epoch of t of n, masks included, in processor time of one core: Lattigo does the same beside it.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Core } from '../../../keepers/fhe/core.ts'
import {
  aggregate,
  combine,
  type Engine,
  encryptUpdate,
  finishKeyGeneration,
  generateEncryptionKey,
  type KeyGenerationMessages,
  type MemberKey,
  MemoryOnceGuard,
  openEngine,
  type PlanOptions,
  partialDecrypt,
  plan,
  startKeyGeneration,
} from '../../../keepers/fhe/index.ts'
import { pack } from '../../../keepers/fhe/packing.ts'
import { type BenchContext, median } from '../harness.ts'
import { Lattigo } from './lattigo.ts'
import { sealObjects } from './seal-objects.ts'
import type { SumReport, SumTask } from './sum.ts'

const EPOCH = { chainId: 1n, service: `0x${'5e'.repeat(20)}`, epoch: 1 } as const
const ROUND = { ...EPOCH, round: 1 }
const SUM = fileURLToPath(new URL('./sum.ts', import.meta.url))
/** The clip norm of a member's update; its vectors here are nearly that long. */
const CLIP_NORM = 100

type Size = { readonly threshold: number; readonly members: number; readonly lengths: readonly number[] }
const SIZES: readonly Size[] = [
  { threshold: 9, members: 16, lengths: [44_426, 1_000_000] },
  { threshold: 43, members: 64, lengths: [44_426, 1_000_000] },
]

/** The rows of `fhe.multiparty_*`: of all sizes, or of those that the command names, such as `9_16_44426`. */
export async function multiparty(context: BenchContext): Promise<void> {
  const named = context.args.filter((name) => name !== 'multiparty')
  const built = await Lattigo.build()
  if (typeof built === 'string') context.progress(built)
  const peer = typeof built === 'string' ? null : built
  try {
    for (const { threshold, members, lengths } of context.quick ? SIZES.slice(0, 1) : SIZES) {
      for (const length of context.quick ? lengths.slice(0, 1) : lengths) {
        if (named.length > 0 && !named.includes(`${threshold}_${members}_${length}`)) continue
        context.progress(`(${threshold}, ${members}), ${length} parameters`)
        await oneSize(context, peer, { threshold, members, length })
      }
    }
  } finally {
    await peer?.[Symbol.asyncDispose]()
  }
}

async function oneSize(
  context: BenchContext,
  peer: Lattigo | null,
  of: { readonly threshold: number; readonly members: number; readonly length: number },
): Promise<void> {
  const { threshold, members, length } = of
  const largest = members === 64 && length === 1_000_000
  const options = {
    members,
    threshold,
    vectorLength: length,
    clipBound: 8,
    clipNorm: CLIP_NORM,
    decryptionsPerKey: 100,
    scaleBits: 'widest',
    // So many members and parameters leave the default ring five bits after the point.
    set: largest ? 'precise' : 'default',
  } as const
  const engine = await openEngine(plan(options))
  const scratch = await mkdtemp(join(tmpdir(), 'cohort-bench-'))
  const runs = context.quick || length > 100_000 ? 3 : 9
  try {
    const active = Array.from({ length: threshold }, (_, j) => j)
    const { keys, keyHash, perMember } = await makeEpoch(engine, largest ? [...Array(members).keys()] : active)
    if (length === 44_426) {
      context.record({
        metric: `fhe.keygen_${threshold}_${members}.per_member`,
        value: perMember / 1000,
        unit: 's',
        note: 'start + finish, pair keys of the masks included, processor time; at most 0.5 at (9, 16)',
      })
    }
    const vector = Float64Array.from({ length }, (_, i) => CLIP_NORM * Math.sqrt(1.9 / length) * Math.sin(i))
    // Each in a round of its own: whether the first masks hide an update is a matter of luck, and the same for the same request.
    let lastRound = ROUND.round
    const encryptBy = (self: number, round = ++lastRound) =>
      encryptUpdate(engine, {
        context: { ...ROUND, round },
        memberKey: keys[self]!,
        vector,
        weight: 1,
        guard: new MemoryOnceGuard(),
      })
    const contributors = [0, 1]
    const updates = []
    for (const sender of contributors) updates.push({ sender, bytes: await encryptBy(sender, ROUND.round) })
    const sum = await aggregate(engine, { context: ROUND, keyHash, updates })
    const shareBy = (self: number) =>
      partialDecrypt(engine, {
        context: ROUND,
        contributors,
        activeSet: active,
        memberKey: keys[self]!,
        guard: new MemoryOnceGuard(),
        policy: { minContributors: 2, ownUpdate: self < 2 ? 'included' : 'abstained' },
      })
    const file = (self: number) => join(scratch, String(self))
    for (const self of active) await writeFile(file(self), await shareBy(self))
    // A million parameters of 43 members do not fit in memory; reading them back is not the library's work.
    const combination = async () => {
      let reading = 0
      const shares = async function* () {
        for (const self of active) {
          const before = process.cpuUsage()
          const bytes = await readFile(file(self))
          reading += since(before)
          yield bytes
        }
      }
      await combine(engine, {
        context: ROUND,
        aggregate: sum,
        totalWeight: sum.contributors.length,
        activeSet: active,
        shares: shares(),
      })
      return reading
    }
    if (length === 44_426) await besideSeal(context, engine, shareBy)
    const ours = {
      encrypt: await encryptionAlone(engine, vector, runs),
      encrypt_and_prove: await processorTime(runs, () => encryptBy(0)),
      share: await processorTime(runs, () => shareBy(0)),
      combine: await processorTime(runs, combination),
    }
    if (largest) await sumOfAll(context, { folder: scratch, options, keyHash }, (self) => encryptBy(self, ROUND.round))
    const theirs = (await peer?.measure(engine.plan, runs)) ?? null
    for (const step of ['encrypt', 'encrypt_and_prove', 'share', 'combine'] as const) {
      // Lattigo has no proof that an update is short: its encryption stands beside both of ours.
      const theirStep = step === 'encrypt_and_prove' ? 'encrypt' : step
      context.record({
        metric: `fhe.multiparty_${threshold}_${members}_${length}.${step}`,
        value: ours[step].median,
        unit: 'ms',
        spread: ours[step].spread,
        note: 'processor time, one thread; below 1',
        ...(theirs === null ? {} : { peer: `Lattigo ${theirs.version}, multiparty`, peerValue: theirs[theirStep] }),
      })
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
    await engine.close()
  }
}

/** Updates of all members through files, as a keeper's go through its block store, added up by a process of its own. */
async function sumOfAll(
  context: BenchContext,
  of: { readonly folder: string; readonly options: PlanOptions; readonly keyHash: Uint8Array },
  encryptBy: (self: number) => Promise<Uint8Array>,
): Promise<void> {
  const { folder, options, keyHash } = of
  for (let self = 0; self < options.members; self++) {
    context.progress(`update ${self + 1} of ${options.members}`)
    await writeFile(join(folder, `update ${self}`), await encryptBy(self))
  }
  const task: SumTask = {
    folder,
    options,
    context: { ...ROUND, chainId: String(ROUND.chainId) },
    keyHash: Buffer.from(keyHash).toString('hex'),
  }
  const { stdout } = await promisify(execFile)(process.execPath, [SUM, JSON.stringify(task)])
  const report = JSON.parse(stdout) as SumReport
  const name = `fhe.sum_${options.members}_${options.vectorLength}`
  context.record({ metric: `${name}.time`, value: report.seconds, unit: 's', note: 'all updates checked and added up' })
  context.record({
    metric: `${name}.peak_memory`,
    value: report.peakBytes,
    unit: 'bytes',
    note: 'a process of its own',
  })
}

/** The work of Lattigo's `encrypt`: every ciphertext of a vector, without the proof that it is short. */
async function encryptionAlone(engine: Engine, vector: Float64Array, runs: number) {
  const { plan } = engine
  using core = await Core.open(plan)
  const secret = new Uint8Array(plan.bytes.polynomial)
  const moduli = core.kernel.primes.slice(0, core.kernel.dataPrimeCount)
  const view = new DataView(secret.buffer)
  for (const [l, p] of moduli.entries()) {
    for (let i = 0; i < plan.set.degree; i++)
      view.setBigUint64(8 * (plan.set.degree * l + i), BigInt(i * i + 1) % p, true)
  }
  const factors = moduli.map((p) => p - 1n)
  const [noiseSeed, roundSeed] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const out = new Uint8Array(plan.wire.width * plan.set.degree)
  return await processorTime(runs, async () => {
    core.openProduct({ secret, factors, noiseSeed, roundSeed })
    for (let index = 0; index < plan.ciphertexts; index++) core.encrypt(index, pack(plan, vector, 1, index), out)
    core.closeProduct()
  })
}

/** Whole shares by turns with as many decryptions by SEAL, so that a busy moment of the machine falls on both. */
async function besideSeal(context: BenchContext, engine: Engine, shareBy: (self: number) => Promise<unknown>) {
  const { members, threshold, ciphertexts, scaleBits, set } = engine.plan
  const objects = await sealObjects(set)
  const { encoder, encryptor, decryptor, plaintext, ciphertext, decrypted } = objects
  encoder.encode(new Float64Array(set.degree / 2).fill(1), 2 ** scaleBits, plaintext)
  encryptor.encrypt(plaintext, ciphertext)
  const ours: number[] = []
  const theirs: number[] = []
  const warmup = WARMUP
  for (let turn = 0; turn < warmup + (context.quick ? 5 : 15); turn++) {
    // SEAL decrypts one ciphertext again and again, from the cache: a share among shares stands beside it.
    for (let i = 0; i < 5; i++) {
      const start = process.cpuUsage()
      await shareBy(0)
      if (turn >= warmup) ours.push(since(start) / ciphertexts)
    }
    for (let i = 0; i < 5; i++) {
      const start = process.cpuUsage()
      for (let k = 0; k < ciphertexts; k++) decryptor.decrypt(ciphertext, decrypted)
      if (turn >= warmup) theirs.push(since(start) / ciphertexts)
    }
  }
  for (const object of Object.values(objects)) object.delete()
  const value = median(ours)
  context.record({
    metric: `fhe.multiparty_${threshold}_${members}_44426.share_per_ciphertext`,
    value,
    unit: 'ms',
    peer: 'SEAL, one key: decrypt',
    peerValue: median(theirs),
    spread: median(ours.map((ms) => Math.abs(ms - value))),
    note: 'flooding, masks and the round’s polynomial included; at most 3.2 at (9, 16)',
  })
}

/** Everyone starts, the drafted finish. Processor milliseconds of one member, median over members. */
async function makeEpoch(engine: Engine, finishers: readonly number[]) {
  const pairs = Array.from({ length: engine.plan.members }, () => generateEncryptionKey())
  const members = pairs.map(({ publicKey }, index) => ({
    address: `0x${(index + 1).toString(16).padStart(40, '0')}` as const,
    encryptionKey: publicKey,
  }))
  const common = { context: EPOCH, members, crs: new Uint8Array(32).fill(9) }
  const said: KeyGenerationMessages[] = []
  const starts: number[] = []
  for (const self of pairs.keys()) {
    const before = process.cpuUsage()
    said.push(await startKeyGeneration(engine, { ...common, self }))
    starts.push(since(before))
  }
  const keys: MemberKey[] = []
  const finishes: number[] = []
  for (const self of finishers) {
    const before = process.cpuUsage()
    keys.push(
      await finishKeyGeneration(engine, {
        ...common,
        self,
        encryptionKey: pairs[self]!.secretKey,
        secret: said[self]!.secret,
        dealings: said.map(({ dealing }) => dealing),
        sealedShares: said.map(({ sealedShares }) => sealedShares[self]!),
      }),
    )
    finishes.push(since(before))
  }
  return { keys, keyHash: keys[0]!.keyHash, perMember: median(starts) + median(finishes) }
}

/** Runs before the measured ones, while V8 still compiles WebAssembly better, on threads that processor time counts. */
const WARMUP = 20

/** Median and spread in processor milliseconds; a number that the body returns is taken off. */
async function processorTime(runs: number, body: () => Promise<unknown>) {
  const measured: number[] = []
  for (let i = 0; i < (runs > 3 ? WARMUP : 1); i++) await body()
  for (let i = 0; i < runs; i++) {
    const before = process.cpuUsage()
    const aside = await body()
    measured.push(since(before) - (typeof aside === 'number' ? aside : 0))
  }
  const middle = median(measured)
  return { median: middle, spread: median(measured.map((ms) => Math.abs(ms - middle))) }
}

function since(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
