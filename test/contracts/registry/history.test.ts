// SPDX-License-Identifier: GPL-3.0-or-later
// Random histories of a model, held against a few lines that say what the registry should do.
import { expect } from 'chai'
import { network } from 'hardhat'
import { accountsOf } from '../governance/accounts.ts'
import { deployVersions } from './versions.ts'

type Status = 'none' | 'accepted' | 'released' | 'deprecated'
const STATUSES: readonly Status[] = ['none', 'accepted', 'released', 'deprecated']
const CID = `0x01551220${'bc'.repeat(32)}`
const STEPS = 400

/** What the registry should do: each act returns whether it is allowed, and changes nothing when it is not. */
class Reference {
  readonly status: Status[] = ['none']
  readonly order: number[] = [0]
  readonly releases: number[] = []
  current = 0
  #released = 0

  write(): boolean {
    this.status.push('accepted')
    this.order.push(0)
    return true
  }

  release(version: number): boolean {
    if (version === this.current || !['accepted', 'released'].includes(this.status[version] ?? 'none')) return false
    this.order[version] = ++this.#released
    this.status[version] = 'released'
    this.#makeCurrent(version)
    return true
  }

  rollback(version: number): boolean {
    if (this.current === 0 || this.status[version] !== 'released') return false
    if (this.order[version]! >= this.order[this.current]!) return false
    this.status[this.current] = 'deprecated'
    this.#makeCurrent(version)
    return true
  }

  deprecate(version: number): boolean {
    if (!['accepted', 'released'].includes(this.status[version] ?? 'none')) return false
    this.status[version] = 'deprecated'
    if (this.current === version) this.current = 0
    return true
  }

  #makeCurrent(version: number): void {
    this.current = version
    this.releases.push(version)
  }
}

describe('ModelRegistry histories', () => {
  it('are what the reference says, after any sequence of acts', async function () {
    this.timeout(120_000)
    const { ethers } = await network.create()
    const [admin] = await accountsOf(ethers)
    const registry = await ethers.deployContract('ModelRegistry', [admin])
    await registry.grantRole(await registry.REGISTRAR_ROLE(), admin)
    await registry.grantRole(await registry.RELEASE_ROLE(), admin)
    const keepers = await deployVersions(ethers)
    const service = keepers.address
    await registry.registerService(service)

    let seed = 7
    const random = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    const reference = new Reference()
    const taken: Record<string, number> = {}
    for (let step = 0; step < STEPS; step++) {
      // Recent versions mostly, so that the acts meet; sometimes one that does not exist.
      const newest = reference.status.length
      const before = reference.releases[random(reference.releases.length)]
      const version = before !== undefined && random(3) === 0 ? before : Math.max(0, newest - random(9))
      const commitment = ethers.toBeHex(step + 1, 32)
      const acts = {
        publish: [() => keepers.publish(1, step + 1, commitment, CID, 1 + step), () => reference.write()],
        release: [() => registry.release(service, version), () => reference.release(version)],
        rollback: [() => registry.rollback(service, version), () => reference.rollback(version)],
        deprecate: [() => registry.deprecate(service, version, ethers.ZeroHash), () => reference.deprecate(version)],
      } as const
      const weighted = ['publish', 'publish', 'release', 'release', 'rollback', 'rollback', 'deprecate'] as const
      const name = weighted[random(weighted.length)]!
      const [act, expected] = acts[name]
      const allowed = expected()
      const happened = await act().then(
        () => true,
        (error: Error) => {
          if (!/reverted with custom error/.test(error.message)) throw error
          return false
        },
      )
      const what = `step ${step}: ${name} ${version}`
      expect(happened, what).to.equal(allowed)
      if (allowed) taken[name] = (taken[name] ?? 0) + 1
      const found = await registry.lookUp(service, version)
      expect(STATUSES[Number(found.status)], what).to.equal(reference.status[version] ?? 'none')
      expect(found.current, what).to.equal(BigInt(reference.current))
      if (reference.current !== 0) expect(await registry.isReleased(service, reference.current), what).to.equal(true)
    }
    const count = reference.status.length - 1
    const all = await registry.listVersions(service, 1, count)
    expect(all.map(({ status }) => STATUSES[Number(status)])).to.deep.equal(reference.status.slice(1))
    expect(all.map(({ releaseOrder }) => Number(releaseOrder))).to.deep.equal(reference.order.slice(1))
    expect(await registry.listReleases(service)).to.deep.equal(reference.releases.map(BigInt))
    for (const name of ['publish', 'release', 'rollback', 'deprecate']) {
      expect(taken[name], name).to.be.above(4)
    }
  })
})
