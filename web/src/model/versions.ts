// SPDX-License-Identifier: GPL-3.0-or-later
// A version of a service's model in the page: fetched by CID, checked against the chain, and opened in the worker.
import { type Remote, wrap } from 'comlink'
import { getBytes } from 'ethers'
import { clients } from '../../../keepers/chain/index.ts'
import { cidFromDigest, cidFromHex } from '../../../keepers/network/index.ts'
import { MAX_MANIFEST_BYTES, modelBytes, type ServiceManifest } from '../../../keepers/versions/index.ts'
import type { Connection } from '../chain/connection.ts'
import { tellStory } from '../service/events.ts'
import { requireCommitted } from './commitment.ts'
import type { ModelWorker, OpenedModel } from './worker.ts'

/** Milliseconds for one blob. */
const FETCH_MS = 30_000

/** A version that can be asked. */
export type Opened = { readonly manifest: ServiceManifest; readonly model: Remote<OpenedModel> }

let started: Remote<ModelWorker> | null = null

/** The worker, started when it is first needed. */
export function modelWorker(): Remote<ModelWorker> {
  started ??= wrap<ModelWorker>(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' }))
  return started
}

const manifests = new Map<string, Promise<ServiceManifest>>()

/** The manifest of a service: by the digest on the chain, and refused when it hashes to another. @throws NetworkError, VersionError */
export async function manifestOf({ provider, plane }: Connection, service: string): Promise<ServiceManifest> {
  const { manifest: digest } = await clients.service(service, provider).parameters()
  if (/^0x0+$/.test(digest)) throw new Error('the service has agreed on no manifest')
  const known = manifests.get(digest)
  if (known !== undefined) return await known
  const read = async (): Promise<ServiceManifest> => {
    const cid = cidFromDigest(getBytes(digest))
    const bytes = await plane.fetch(cid, { maxBytes: MAX_MANIFEST_BYTES, timeout: FETCH_MS })
    return await modelWorker().manifest(bytes, digest)
  }
  const reading = read()
  manifests.set(digest, reading)
  reading.catch(() => manifests.delete(digest))
  return await reading
}

/** Opened versions, the last used at the end. */
const opened = new Map<string, Promise<Remote<OpenedModel>>>()
/** How many are kept. */
const MOST_OPENED = 3

/**
 * Weights of a version, fetched by the CID that its members voted for.
 * @throws when nobody has them, or when they do not give the commitment on the chain
 */
export async function openVersion(
  connection: Connection,
  service: string,
  version: number,
): Promise<Remote<OpenedModel>> {
  const key = `${service}/${version}`
  const known = opened.get(key)
  if (known !== undefined) return await known
  const opening = fetchAndOpen(connection, service, version)
  opened.set(key, opening)
  opening.catch(() => opened.delete(key))
  for (const [old, model] of opened) {
    if (opened.size <= MOST_OPENED) break
    opened.delete(old)
    void model.then((one) => one.close()).catch(() => undefined)
  }
  return await opening
}

async function fetchAndOpen(connection: Connection, service: string, version: number): Promise<Remote<OpenedModel>> {
  const manifest = await manifestOf(connection, service)
  const history = connection.history(service)
  await history.step()
  const round = tellStory(history).rounds.find((one) => one.version === version)
  if (round?.cid == null) throw new Error(`the service's log has no version ${version}`)
  const worker = modelWorker()
  const count = await worker.parameterCount(manifest)
  const blob = await connection.plane.fetch(cidFromHex(round.cid), { maxBytes: modelBytes(count), timeout: FETCH_MS })
  const model = (await worker.open(manifest, blob)) as unknown as Remote<OpenedModel>
  try {
    await requireCommitted(connection, service, version, await model.committed())
    return model
  } catch (cause) {
    void model.close()
    throw cause
  }
}
