// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { IntervalList } from '../../../keepers/apps/identity/interval-list.ts'
import { SCALAR_FIELD } from '../../../keepers/zkml/index.ts'
import { DEPTH } from '../../keepers/apps/identity/tiny.ts'
import { restored } from '../restored.ts'
import { createWorld } from './world.ts'

const open = restored(createWorld)

describe('ValueLists', function () {
  this.timeout(300_000)

  it('changes a list by proofs, and its events rebuild the tree', async () => {
    const { lists, keeper, change, add } = await open()
    const values = new IntervalList(DEPTH)
    expect((await lists.listOf(1)).root).to.equal(values.root)
    for (const value of [50n, 20n, 90n]) await add(1, values, value)
    expect((await lists.listOf(1)).root).to.equal(values.root)
    const removed = values.remove(20n)
    await expect(lists.connect(keeper).remove(1, 20n, removed.index, removed.before, await change(removed)))
      .to.emit(lists, 'ValueRemoved')
      .withArgs(1, 20n, removed.index, values.root)
    const { root, size, name } = await lists.listOf(1)
    expect([root, size, name]).to.deep.equal([values.root, 2n, 'sanctions'])
    const rebuilt = new IntervalList(DEPTH)
    for (const { args } of await lists.queryFilter(lists.filters.ValueAdded(1)))
      rebuilt.add(args.value, Number(args.index))
    for (const { args } of await lists.queryFilter(lists.filters.ValueRemoved(1))) rebuilt.remove(args.value)
    expect(rebuilt.root).to.equal(root)
  })

  it('refuses a change that its proof does not show', async () => {
    const { lists, keeper, change } = await open()
    const values = new IntervalList(DEPTH)
    const made = values.add(50n)
    const proof = await change(made)
    const other = new IntervalList(DEPTH).add(51n)
    const { value, index, after } = made
    for (const [found, at, root] of [
      [51n, index, after],
      [value, index + 1n, after],
      [value, index, other.after],
      [value, index, made.before],
    ] as const) {
      await expect(lists.connect(keeper).add(1, found, at, root, proof))
        .to.be.revertedWithCustomError(lists, 'InvalidChange')
        .withArgs(1, found, at)
    }
    // The same proof is a removal only where the list is what it leads to.
    await expect(lists.connect(keeper).remove(1, value, index, made.before, proof)).to.be.revertedWithCustomError(
      lists,
      'InvalidChange',
    )
    await lists.connect(keeper).add(1, value, index, after, proof)
    await expect(lists.connect(keeper).add(1, value, index, after, proof)).to.be.revertedWithCustomError(
      lists,
      'InvalidChange',
    )
    await lists.connect(keeper).remove(1, value, index, made.before, proof)
    expect((await lists.listOf(1)).root).to.equal(new IntervalList(DEPTH).root)
  })

  it('refuses aliases of a value, an index or a root', async () => {
    const { lists, keeper, change } = await open()
    const { value, index, after, ...rest } = new IntervalList(DEPTH).add(50n)
    const proof = await change({ value, index, after, ...rest })
    for (const [found, at, root, alias] of [
      [value + SCALAR_FIELD, index, after, value + SCALAR_FIELD],
      [value, index + SCALAR_FIELD, after, index + SCALAR_FIELD],
      [value, index, after + SCALAR_FIELD, after + SCALAR_FIELD],
    ] as const) {
      await expect(lists.connect(keeper).add(1, found, at, root, proof))
        .to.be.revertedWithCustomError(lists, 'SignalOutOfField')
        .withArgs(alias)
    }
  })

  it('is its keeper’s alone, until another one takes it over', async () => {
    const { lists, keeper, holder, other, change } = await open()
    const made = new IntervalList(DEPTH).add(50n)
    const proof = await change(made)
    await expect(lists.connect(holder).add(1, 50n, made.index, made.after, proof))
      .to.be.revertedWithCustomError(lists, 'NotListKeeper')
      .withArgs(1, holder.address, keeper.address)
    await expect(lists.connect(holder).offerKeeping(1, holder)).to.be.revertedWithCustomError(lists, 'NotListKeeper')
    await lists.connect(keeper).offerKeeping(1, holder)
    await expect(lists.connect(other).takeKeeping(1)).to.be.revertedWithCustomError(lists, 'NotPendingKeeper')
    await expect(lists.connect(holder).takeKeeping(1))
      .to.emit(lists, 'KeepingTaken')
      .withArgs(1, keeper.address, holder.address)
    await lists.connect(holder).add(1, 50n, made.index, made.after, proof)
    await expect(lists.connect(holder).takeKeeping(1)).to.be.revertedWithCustomError(lists, 'NotPendingKeeper')
  })

  it('names lists in 1 to 64 bytes, and knows no others', async () => {
    const { lists, verifiers, ethers } = await open()
    expect(await lists.listCount()).to.equal(2n)
    for (const name of ['', 'x'.repeat(65)]) {
      await expect(lists.openList(name)).to.be.revertedWithCustomError(lists, 'NameLength').withArgs(name.length, 64)
    }
    await expect(lists.listOf(3)).to.be.revertedWithCustomError(lists, 'UnknownList').withArgs(3, 2)
    await expect(lists.requireRecent(3, 0, 0)).to.be.revertedWithCustomError(lists, 'UnknownList')
    await expect(ethers.deployContract('ValueLists', [verifiers, ethers.id('none'), 1])).to.be.revertedWithCustomError(
      verifiers,
      'UnknownCircuit',
    )
    const circuitId = await lists.CIRCUIT_ID()
    await expect(
      ethers.deployContract('ValueLists', [verifiers, circuitId, SCALAR_FIELD]),
    ).to.be.revertedWithCustomError(lists, 'SignalOutOfField')
  })
})
