// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of `cohort claim`, once the options are read.
import process from 'node:process'
import { formatEther, parseEther, type Signer } from 'ethers'
import { BatchTree, ClaimClient, type ClaimTerms, type ClaimView, claimStatement } from '../chain/index.ts'
import {
  batchCommitment,
  type CircuitFolder,
  ClaimProver,
  checkFolder,
  InferenceError,
  openFolder,
  strongestClaim,
  toSolidityProof,
} from '../zkml/index.ts'
import { type ChainOptions, print, withChain } from './chain-command.ts'
import { UsageError } from './failure.ts'
import type { When } from './market-text.ts'
import { claimOf, readBatch } from './zkml/batch-file.ts'

type RegistryOptions = ChainOptions & { readonly registry?: string }
type VersionOptions = RegistryOptions & { readonly service: string; readonly number: number }
type BatchChoice = { readonly batch?: string; readonly batches?: readonly string[] }
type Batch = Awaited<ReturnType<typeof readBatch>>

async function withRegistry(
  options: RegistryOptions,
  body: (client: ClaimClient, session: { now(): Promise<number>; signer: Signer | undefined }) => Promise<void>,
): Promise<void> {
  const registry = given(options.registry, '--registry ADDRESS, or COHORT_CLAIMS')
  await withChain(options, async ({ deployment, provider, signer }) => {
    const now = async () => (await provider.getBlock('latest'))!.timestamp
    const { ModelRegistry: models, VerifierRegistry: verifiers } = deployment.contracts
    await body(await ClaimClient.open(registry, { models, verifiers }, provider, signer), { now, signer })
  })
}

export async function deploy(options: ChainOptions & { registrar?: string; treasury?: string }): Promise<void> {
  await withChain(options, async ({ deployment, signer }) => {
    const { ModelRegistry: models, VerifierRegistry: verifiers, TimelockController: timelock } = deployment.contracts
    const { registrar: admin = timelock, treasury = timelock } = options
    const address = await ClaimClient.deploy(needed(signer), { models, verifiers, treasury, admin })
    print(options, { address, registrar: admin }, `Claim registry ${address}; ${admin} describes its circuits.`)
  })
}

export async function describe(path: string, options: RegistryOptions & { refutation: string }): Promise<void> {
  // The folder may come from somebody who wants a badge. Its manifest is believed only if compiling its program gives the same constraints.
  const [folder, opposite] = [await checkFolder(path), await checkFolder(options.refutation)]
  const [claim, refuted] = [claimOf(folder), claimOf(opposite)]
  const { refutes, ...statement } = refuted.statement
  const same =
    JSON.stringify({ ...statement, count: refuted.count }) ===
    JSON.stringify({ ...claim.statement, count: claim.count })
  if (refutes !== true || !same)
    throw new UsageError(
      `${options.refutation} is not the opposite of ${path}: compile it with the same options and --refutes`,
    )
  if (folder.manifest.modelCommitment !== opposite.manifest.modelCommitment)
    throw new UsageError(
      `${options.refutation} is of another model or plan than ${path}: compile both of the same, with one --model-salt`,
    )
  await withRegistry(options, async (client) => {
    const { circuitId } = folder.manifest
    const sent = await client.describe(circuitId, opposite.manifest.circuitId, claimStatement(claim))
    const { statementId } = await client.meaningOf(circuitId)
    print(options, { ...sent, circuitId, statementId }, `Described: statement ${statementId}.`)
  })
}

export async function pool(path: string, options: RegistryOptions & { batches: string[]; uri: string }): Promise<void> {
  const folder = await openFolder(path)
  const { tree } = await readPool(folder, options.batches)
  await withRegistry(options, async (client) => {
    const sent = await client.commitPool(tree.root, tree.size, options.uri)
    print(options, { ...sent, root: tree.root }, `Pool ${sent.poolId}: ${tree.size} batches.`)
  })
}

export async function draw(path: string, options: VersionOptions & { pool: number; claimant?: string }): Promise<void> {
  const { manifest } = await openFolder(path)
  await withRegistry(options, async (client) => {
    const { statementId } = await client.meaningOf(manifest.circuitId)
    const index = await client.draw(options.pool, options.service, options.number, statementId, options.claimant)
    print(options, { index }, `Drawn: batch ${index} (from 0) of pool ${options.pool}.`)
  })
}

type PublishOptions = VersionOptions &
  BatchChoice & {
    readonly source: 'claimant' | 'auditor' | 'draw'
    readonly auditor?: string
    readonly signature?: string
    readonly pool?: number
    readonly figure?: number
    readonly guarantee: number
    readonly expires: When
    readonly bond: string
  }

export async function publish(path: string, options: PublishOptions): Promise<void> {
  const { service, number: version, source, auditor, pool: poolId, guarantee, signature = '0x' } = options
  const prover = await ClaimProver.open(path)
  try {
    const { folder } = prover
    await withRegistry(options, async (client, { now }) => {
      const { statementId } = await client.meaningOf(folder.manifest.circuitId)
      const index =
        source === 'draw' ? await client.drawn(given(poolId, '--pool'), service, version, statementId) : null
      const { batch, commitment, path } = await chosen(folder, options, index)
      const figure = options.figure ?? strongestClaim(folder, batch)
      if (!Number.isFinite(figure))
        throw new InferenceError('claim-untrue', 'a group or cell of the batch has no members')
      const terms: ClaimTerms = {
        ...{ service, version, circuitId: folder.manifest.circuitId, source, figure, guarantee },
        ...(auditor === undefined ? {} : { auditor }),
        ...(poolId === undefined ? {} : { poolId }),
        expiresAt: options.expires(await now()),
      }
      const { proof } = await prover.prove({ ...batch, claim: figure, context: await client.contextOf(terms) })
      const evidence = { signature, path }
      const bond = parseEther(options.bond)
      const sent = await client.publish(terms, commitment, evidence, toSolidityProof(proof), bond)
      print(options, { ...sent, figure, statementId }, `Claim ${sent.claimId}: ${figure}, guaranteed ${guarantee}.`)
    })
  } finally {
    await prover.close()
  }
}

export async function sign(
  path: string,
  options: VersionOptions & { batch: string; for: string; claim?: number },
): Promise<void> {
  const folder = await openFolder(path)
  const { commitment: batch } = await chosen(folder, { batch: options.batch }, null)
  const { service, number: version, claim: claimId, for: account } = options
  await withRegistry(options, async (client, { signer }) => {
    const auditor = needed(signer)
    const { circuitId } = folder.manifest
    if (claimId !== undefined) {
      requireSubject(await client.view(claimId), { service, version, circuitId, auditor: await auditor.getAddress() })
      const signature = await client.signCounter(auditor, { challenger: account, claimId, batch })
      print(options, { signature, batch, challenger: account, claimId }, signature)
      return
    }
    const { statementId } = await client.meaningOf(circuitId)
    const signature = await client.signBatch(auditor, { claimant: account, service, version, batch, statementId })
    print(options, { signature, batch, claimant: account, service, version, statementId }, signature)
  })
}

export async function list(options: RegistryOptions & { count: number }): Promise<void> {
  await withRegistry(options, async (client) => {
    const count = await client.count()
    const ids = Array.from({ length: Math.min(options.count, count) }, (_, i) => count - i)
    const claims = await Promise.all(ids.map((id) => client.view(id)))
    print(options, { count, claims }, claims.length === 0 ? 'No claims.' : claims.map(line).join('\n'))
  })
}

export async function show(id: number, options: RegistryOptions): Promise<void> {
  await withRegistry(options, async (client) => {
    const claim = await client.view(id)
    const text = [
      line(claim),
      `  service    ${claim.service}, version ${claim.version}`,
      `  claimant   ${claim.claimant}, bond ${formatEther(claim.bond)} ETH`,
      `  batch      ${claim.batch}`,
      `  circuit    ${claim.circuitId}`,
      `  challenges ${routes(claim)}`,
      `  expires    ${new Date(claim.expiresAt * 1000).toISOString()}`,
    ]
    print(options, claim, text.join('\n'))
  })
}

export async function challenge(
  claimId: number,
  path: string,
  options: RegistryOptions & BatchChoice & { signature?: string; resume?: number },
): Promise<void> {
  if (options.signature !== undefined && options.resume !== undefined)
    throw new UsageError('give --signature or --resume, not both: a signed batch needs no challenge')
  const prover = await ClaimProver.open(path)
  try {
    await withRegistry(options, async (client) => {
      const { guarantee, circuitId, poolId } = await client.view(claimId)
      const { refutationId } = await client.meaningOf(circuitId)
      const { folder } = prover
      if (folder.manifest.circuitId !== refutationId)
        throw new UsageError(
          `${path} is circuit ${folder.manifest.circuitId}, claim ${claimId} is refuted by ${refutationId}`,
        )
      const { signature } = options
      const { challengeId, index } =
        signature === undefined ? await drawnChallenge(client, folder, { claimId, poolId, ...options }) : UNDRAWN
      const { batch, commitment, path: way } = await chosen(folder, options, index)
      const context = await client.refutationContextOf(claimId, challengeId)
      const { proof } = await prover.prove({ ...batch, claim: guarantee, context })
      const solidity = toSolidityProof(proof)
      const sent =
        signature === undefined
          ? await client.refute(challengeId, commitment, way, solidity)
          : await client.refuteSigned(claimId, commitment, signature, solidity)
      const [text, paid] = sent.fell
        ? [`Claim ${claimId} fell`, 'its bond']
        : [`Claim ${claimId} had fallen before, its guarantee is barred here, too`, 'your bond']
      const owed = sent.fell || challengeId > 0 ? `: \`cohort claim withdraw\` pays ${paid}.` : '.'
      print(options, { ...sent, challengeId, index }, text + owed)
    })
  } finally {
    await prover.close()
  }
}

/** Stands in for a challenge with an auditor's batch, for which nothing is opened or drawn. */
const UNDRAWN = { challengeId: 0, index: null }

/** Opens a challenge, or goes on with one, up to its batch. The files are compared with the pool before anything is paid. */
async function drawnChallenge(
  client: ClaimClient,
  folder: CircuitFolder,
  { claimId, poolId, batches, resume }: { claimId: number; poolId: number; resume?: number } & BatchChoice,
): Promise<{ readonly challengeId: number; readonly index: number }> {
  const { tree } = await readPool(folder, given(batches, '--batches'))
  if (poolId === 0) throw new UsageError(`claim ${claimId} names no pool: it needs an auditor’s --signature`)
  await client.requirePool(poolId, tree)
  const challengeId = resume ?? (await client.openChallenge(claimId))
  // From here on the challenger has paid. If the command ends early, they can go on with --resume.
  if (resume === undefined)
    process.stderr.write(`  challenge ${challengeId} is paid; go on with --resume ${challengeId}\n`)
  return { challengeId, index: await client.challengeDrawn(challengeId, claimId) }
}

export async function settle(challengeId: number, options: RegistryOptions): Promise<void> {
  await withRegistry(options, async (client) =>
    print(options, await client.settle(challengeId), `Challenge ${challengeId} is settled.`),
  )
}

export async function release(claimId: number, options: RegistryOptions): Promise<void> {
  await withRegistry(options, async (client) =>
    print(options, await client.release(claimId), `The bond of claim ${claimId} is its claimant’s again.`),
  )
}

export async function withdraw(options: RegistryOptions): Promise<void> {
  await withRegistry(options, async (client) => print(options, await client.withdraw(), 'Paid.'))
}

/** The batch of the options: the one at `index` of a pool, or the one given. */
async function chosen(
  folder: CircuitFolder,
  options: BatchChoice,
  index: number | null,
): Promise<{ readonly batch: Batch; readonly commitment: bigint; readonly path: readonly string[] }> {
  if (index === null) {
    const batch = await salted(folder, given(options.batch, '--batch'))
    return { batch, commitment: batchCommitment(folder, batch, batch.salt), path: [] }
  }
  const { batches, commitments, tree } = await readPool(folder, given(options.batches, '--batches'))
  return { batch: batches[index]!, commitment: commitments[index]!, path: tree.path(index) }
}

async function readPool(folder: CircuitFolder, files: readonly string[]) {
  const batches = []
  for (const file of files) batches.push(await salted(folder, file))
  const commitments = batches.map((batch) => batchCommitment(folder, batch, batch.salt))
  if (batches.length < 2) throw new UsageError('a pool has at least 2 batches: give all of them with --batches')
  return { batches, commitments, tree: new BatchTree(commitments) }
}

async function salted(folder: CircuitFolder, file: string): Promise<Batch & { readonly salt: bigint }> {
  const batch = await readBatch({ batch: file }, folder)
  if (batch.salt === undefined)
    throw new UsageError(`${file} has no salt: \`cohort zkml claim commit\` writes one that has`)
  return { ...batch, salt: batch.salt }
}

function line({ claimId, kind, figure, guarantee, count, source, status, counts, version }: ClaimView): string {
  const of = (value: number) => (kind === 'accuracy' ? `${value} of ${count}` : `${value} ‰`)
  const state = counts ? 'counts' : status === 'standing' ? 'counts no more' : status
  return `${claimId}  ${kind} of version ${version}: ${of(figure)}, guaranteed ${of(guarantee)}; batch by ${source}; ${state}`
}

function routes({ auditor, poolId }: ClaimView): string {
  const signed = BigInt(auditor) === 0n ? [] : [`batches signed by ${auditor}`]
  const drawn = poolId === 0 ? [] : [`draws from pool ${poolId}`]
  return [...signed, ...drawn].join(', ') || 'none: nobody can challenge it'
}

/** A signature for a claim does not show what the claim is about. So the auditor must state that, and it is compared before signing. */
function requireSubject(
  claim: ClaimView,
  meant: Pick<ClaimView, 'service' | 'version' | 'circuitId' | 'auditor'>,
): void {
  for (const name of ['service', 'version', 'circuitId', 'auditor'] as const) {
    const [found, expected] = [String(claim[name]), String(meant[name])]
    if (found.toLowerCase() !== expected.toLowerCase())
      throw new UsageError(`claim ${claim.claimId} has ${name} ${found}, not ${expected}`)
  }
}

function given<T>(value: T | undefined, option: string): T {
  if (value === undefined) throw new UsageError(`this needs ${option}`)
  return value
}

function needed(signer: Signer | undefined): Signer {
  if (signer === undefined)
    throw new UsageError('this needs an account: --keystore FILE, or --account N of a local node')
  return signer
}
