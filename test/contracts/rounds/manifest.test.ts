// SPDX-License-Identifier: GPL-3.0-or-later
// A newcomer knows only the service's address: digest from the chain, bytes from any keeper that has them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Provider } from 'ethers'
import { encodeAddress } from '../../../keepers/chain/index.ts'
import { DataPlane, NetworkError } from '../../../keepers/network/index.ts'
import {
  agreedDigests,
  disagreement,
  encodeManifest,
  exampleManifest,
  fetchManifest,
  manifestDigest,
  VersionError,
} from '../../../keepers/versions/index.ts'
import { createWorld } from './fixture.ts'
import { joinAll } from './play.ts'

const agreed = exampleManifest('logistic', { rounds: { clipNorm: 7 } })
const other = exampleManifest('logistic', { rounds: { clipNorm: 8 } })

describe('a service`s manifest', function () {
  this.timeout(60_000)
  const planes: DataPlane[] = []
  const folders: string[] = []
  const plane = async (): Promise<DataPlane> => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-plane-'))
    folders.push(folder)
    const made = await DataPlane.start({
      folder,
      identitySeed: crypto.getRandomValues(new Uint8Array(32)),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: [],
    })
    planes.push(made)
    return made
  }
  afterEach(async () => {
    await Promise.all(planes.splice(0).map((one) => one.stop()))
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })

  /** A service with its first keeper at `keeper`. */
  async function serviceOf(keeper: DataPlane) {
    const world = await createWorld({ players: 4, parameters: { manifest: manifestDigest(agreed) } })
    await joinAll(world)
    const [first] = world.players
    const { registry, service, ethers } = world
    await registry.connect(first!.operator).setMultiaddr(first!.owner, encodeAddress(keeper.addresses[0]!))
    return {
      service,
      source: { provider: ethers.provider as unknown as Provider, service: await service.getAddress() },
    }
  }

  it('is fetched from a keeper by the digest on the chain alone', async () => {
    const keeper = await plane()
    await keeper.publish(encodeManifest(agreed))
    const { service, source } = await serviceOf(keeper)
    const { current } = await agreedDigests(service)
    expect(current).to.equal(manifestDigest(agreed))
    const fetched = await fetchManifest({ ...source, plane: await plane() }, current!)
    expect(fetched).to.deep.equal(agreed)
    expect(disagreement({ current }, fetched)).to.equal(null)
    expect(disagreement({ current }, other)).to.match(/this keeper's manifest is/)
  })

  it('is not taken from a keeper that has another', async () => {
    const keeper = await plane()
    await keeper.publish(encodeManifest(other))
    const { source } = await serviceOf(keeper)
    const error = await fetchManifest({ ...source, plane: await plane() }, manifestDigest(agreed), 3_000).catch(
      (caught: unknown) => caught,
    )
    expect(error).to.be.instanceOf(NetworkError)
    expect((error as NetworkError).code).to.be.oneOf(['UNAVAILABLE', 'TIMEOUT'])
  })

  it('is not taken when it lies about its hash, though a data plane says that it is the one', async () => {
    const { source } = await serviceOf(await plane())
    const lying = { fetch: async () => encodeManifest(other) }
    const digest = manifestDigest(agreed)
    const error = await fetchManifest({ ...source, plane: lying }, digest).catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(VersionError).with.property('code', 'WRONG_MANIFEST')
    expect((error as VersionError).message).to.match(
      new RegExp(`it hashes to ${manifestDigest(other)}, the service's manifest to ${digest}`),
    )
  })
})
