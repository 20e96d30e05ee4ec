// SPDX-License-Identifier: GPL-3.0-or-later
// How a keeper that joins gets the service's manifest, strategy and first weights. The manifest's digest is on the chain; the bytes come from
// anybody who has them.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { ChainError, FailoverProvider, openService } from '../../chain/index.ts'
import { ConfinedStrategy, LearningError, MODEL_NAMES, strategyHash } from '../../learning/index.ts'
import { DataPlane, NetworkError } from '../../network/index.ts'
import {
  agreedDigests,
  checkStart,
  encodeManifest,
  exampleManifest,
  fetchManifest,
  fetchStart,
  fetchStrategy,
  manifestDigest,
  openManifest,
  type ServiceManifest,
  VersionError,
  type VersionErrorCode,
} from '../../versions/index.ts'
import { type KeeperConfig, STRATEGY_FILE } from '../config.ts'
import { AgentError } from '../errors.ts'
import { writeWhole } from './whole-file.ts'

export type ManifestRequest = {
  readonly rpc: readonly string[]
  readonly chainId: number
  readonly service: string
  /** A manifest that the operator has. It must be the service's. */
  readonly given?: ServiceManifest
  /** `next`: for a keeper that joins, the manifest that the DAO has set for the next epoch, if that differs from the current one. */
  readonly epoch: 'current' | 'next'
}

/** How long an endpoint may take, in milliseconds: somebody is waiting at a terminal. */
const PATIENCE_MS = 10_000

/**
 * The service's manifest: the one given, a shipped example, or one that a keeper of the service sends. It must hash to the digest on the chain.
 * @throws VersionError WRONG_MANIFEST, NO_MANIFEST when nobody has it; ChainError
 */
export async function serviceManifest(request: ManifestRequest): Promise<ServiceManifest> {
  const { rpc, chainId, service, given, epoch } = request
  const provider = new FailoverProvider({ urls: [...rpc], chainId: BigInt(chainId), patience: PATIENCE_MS })
  try {
    const contracts = await openService(service, provider)
    const { current, next } = await agreedDigests(contracts.service)
    const digest = next === undefined || epoch === 'current' ? current : next
    if (digest === null) {
      if (given !== undefined) return given
      throw new VersionError(
        'NO_MANIFEST',
        `${service} has no manifest on the chain: give its members' with --manifest`,
      )
    }
    const known =
      given ?? MODEL_NAMES.map((name) => exampleManifest(name)).find((one) => manifestDigest(one) === digest)
    if (known === undefined) return await fetchFromKeepers(provider, service, digest)
    const found = manifestDigest(known)
    if (found === digest) return known
    throw new VersionError('WRONG_MANIFEST', `the manifest given is ${found}, the service's is ${digest}: leave it out`)
  } finally {
    provider.destroy()
  }
}

async function fetchFromKeepers(provider: FailoverProvider, service: string, digest: string): Promise<ServiceManifest> {
  return await withPlane(
    (plane) => fetchManifest({ provider, service, plane }, digest),
    ({ message }) => [
      'NO_MANIFEST',
      `no keeper of the service serves its manifest ${digest} (${message}): give it with --manifest`,
    ],
  )
}

export type StartRequest = Omit<ManifestRequest, 'given' | 'epoch'> & {
  readonly manifest: ServiceManifest
  /** The file that the operator has. */
  readonly given?: Uint8Array
}

/**
 * The file of the weights before the first round that a manifest names: the one given, or one that a keeper of the service sends. Null
 * where the manifest names none.
 * @throws VersionError WRONG_START for another file, or when nobody has it; ChainError
 */
export async function serviceStart({
  rpc,
  chainId,
  service,
  manifest,
  given,
}: StartRequest): Promise<Uint8Array | null> {
  const { weights } = manifest.model
  if (weights === undefined) {
    if (given === undefined) return null
    throw new VersionError('WRONG_START', 'the manifest names no file of weights: leave --weights out')
  }
  if (given !== undefined) {
    await checkStart(manifest.model, given)
    return given
  }
  const provider = new FailoverProvider({ urls: [...rpc], chainId: BigInt(chainId), patience: PATIENCE_MS })
  try {
    return await withPlane(
      (plane) => fetchStart({ provider, service, plane }, weights.cid),
      ({ message }) => [
        'WRONG_START',
        `no keeper of the service serves its first weights ${weights.cid} (${message}): give the file with --weights`,
      ],
    )
  } finally {
    provider.destroy()
  }
}

/** Fetches with a node of its own. @param missing what to say when nobody serves it */
async function withPlane<T>(
  fetch: (plane: DataPlane) => Promise<T>,
  missing: (cause: NetworkError) => [VersionErrorCode, string],
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'cohort-manifest-'))
  const plane = await DataPlane.start({ folder, identitySeed: crypto.getRandomValues(new Uint8Array(32)) })
  try {
    return await fetch(plane)
  } catch (cause) {
    if (!(cause instanceof NetworkError)) throw cause
    throw new VersionError(...missing(cause), { cause })
  } finally {
    await plane.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * The strategy module that a manifest names: the file given, or the bytes that a keeper of the service sends. They are checked against the
 * manifest's hash, and the module against the manifest's settings. Null for a manifest without a module.
 * @throws AgentError CONFIG for another file, or for a module that does not run; VersionError NO_MANIFEST when nobody has it
 */
export async function serviceStrategy(
  { rpc, chainId, service }: Pick<ManifestRequest, 'rpc' | 'chainId' | 'service'>,
  manifest: ServiceManifest,
  given?: string,
): Promise<Uint8Array | null> {
  const { strategy: terms } = manifest
  if (terms === undefined) {
    if (given === undefined) return null
    throw new AgentError('CONFIG', `--strategy ${given}: the service's manifest has no strategy: leave it out`)
  }
  const bytes = given === undefined ? await fetched() : readGiven(given)
  const { spec } = await openManifest(manifest)
  try {
    await ConfinedStrategy.open(bytes, terms, spec.parameters, given ?? `strategy ${terms.sha256}`)
  } catch (cause) {
    if (!(cause instanceof LearningError)) throw cause
    throw new AgentError('CONFIG', cause.message, { cause })
  }
  return bytes

  async function fetched(): Promise<Uint8Array> {
    const provider = new FailoverProvider({ urls: [...rpc], chainId: BigInt(chainId), patience: PATIENCE_MS })
    const { sha256 } = terms!
    try {
      const ask = (plane: DataPlane) => fetchStrategy({ provider, service, plane }, sha256)
      return await withPlane(ask, ({ message }) => [
        'NO_MANIFEST',
        `no keeper of the service serves its strategy ${sha256} (${message}): give it with --strategy`,
      ])
    } finally {
      provider.destroy()
    }
  }
}

function readGiven(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new AgentError('CONFIG', `--strategy ${file}: cannot be read (${(cause as Error).message})`, { cause })
  }
}

/**
 * Replaces the manifest in a data folder by the service's manifest in force, which the running epoch's steps follow to its end. Returns
 * whether the folder had another one.
 */
export async function renewManifest(config: KeeperConfig, given?: ServiceManifest): Promise<boolean> {
  const { address, manifest, manifestFile, weightsFile } = config.service
  const { rpc, id } = config.chain
  const wanted = await serviceManifest({
    ...{ rpc, chainId: id, service: address, epoch: 'current' },
    ...(given === undefined ? {} : { given }),
  })
  // Its files come first: the manifest needs them, and they do no harm without it.
  await renewStrategy(config, wanted)
  if (wanted.model.weights !== undefined && !(await hasStart(wanted, weightsFile))) {
    if (existsSync(weightsFile) && dirname(resolve(weightsFile)) !== resolve(config.folder)) {
      throw new AgentError(
        'CONFIG',
        `service.weights: ${weightsFile} is another than the ${wanted.model.weights.cid} of the manifest: move it away, and that one is fetched`,
      )
    }
    const start = await serviceStart({ rpc, chainId: id, service: address, manifest: wanted })
    if (start !== null) writeWhole(weightsFile, start)
  }
  if (manifestDigest(wanted) === manifestDigest(manifest)) return false
  writeWhole(manifestFile, encodeManifest(wanted))
  return true
}

/** Whether a file holds the first weights that the manifest names: it may still hold the previous manifest's. */
export async function hasStart({ model }: ServiceManifest, file: string): Promise<boolean> {
  if (!existsSync(file)) return false
  try {
    await checkStart(model, readFileSync(file))
    return true
  } catch (error) {
    if (error instanceof VersionError && error.code === 'WRONG_START') return false
    throw error
  }
}

/**
 * Fetches the strategy module of a new manifest into the folder. Leaves a file that the config names alone.
 * @throws AgentError CONFIG if that file is another module
 */
async function renewStrategy({ service, chain, folder }: KeeperConfig, wanted: ServiceManifest): Promise<void> {
  const { strategy: terms } = wanted
  const { strategyFile, address } = service
  if (terms === undefined) return
  if (strategyFile !== null) {
    const there = existsSync(strategyFile)
    if (there && strategyHash(readFileSync(strategyFile)) === terms.sha256) return
    if (resolve(strategyFile) !== resolve(folder, STRATEGY_FILE)) {
      throw new AgentError(
        'CONFIG',
        `service.strategy: ${strategyFile} is ${there ? 'another than' : 'not there, and is to be'} the ${terms.sha256} of the new manifest: leave the key out, and it is fetched`,
      )
    }
  }
  const bytes = await serviceStrategy({ rpc: chain.rpc, chainId: chain.id, service: address }, wanted)
  writeWhole(join(folder, STRATEGY_FILE), bytes!)
}

/**
 * The block in which a contract was created, by bisection over the blocks that have its code; null where the endpoint keeps no old states.
 * @throws ChainError UNREACHABLE, WRONG_CHAIN
 */
export async function firstBlockOf(rpc: readonly string[], chainId: number, address: string): Promise<number | null> {
  const provider = new FailoverProvider({ urls: [...rpc], chainId: BigInt(chainId), patience: PATIENCE_MS })
  try {
    let [without, having] = [-1, await provider.getBlockNumber()]
    while (having - without > 1) {
      const middle = Math.floor((without + having) / 2)
      if ((await provider.getCode(address, middle)) === '0x') without = middle
      else having = middle
    }
    return having
  } catch (error) {
    // An unreachable endpoint is an error; one that does not keep old states is not.
    if (error instanceof ChainError) throw error
    return null
  } finally {
    provider.destroy()
  }
}
