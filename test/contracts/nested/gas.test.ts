// SPDX-License-Identifier: GPL-3.0-or-later
// What services of services cost, against snapshots/nested.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/nested/gas.test.ts
import { ZeroAddress } from 'ethers'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { createServices, HOUR, INPUT } from './ensemble.ts'

const MOST = 16

describe('gas of services of services', () => {
  it('is at most 2 % above the snapshot, for the largest ensemble, too', async () => {
    const world = await createServices()
    const { ethers, models, addService, ensembles, settings, asker, networkHelpers, answer, labels } = world
    const figures: Figures = {}
    const members: Awaited<ReturnType<typeof addService>>[] = []
    for (let i = 0; i < MOST; i++) members.push(await addService(1 + (i % 3)))

    const tree = await ethers.deployContract('ServiceTree', [models])
    const [upper, lower] = [members[0]!, members[1]!]
    const opening = { level: 1, hybrid: false, others: ZeroAddress }
    figures.open = await gasOf(tree.connect(upper.owner).open(upper.address, opening))
    figures.invite = await gasOf(tree.connect(upper.owner).invite(upper.address, lower.address))
    figures.appoint = await gasOf(tree.connect(lower.owner).appoint(upper.address, lower.address, asker))
    figures['appoint another'] = await gasOf(
      tree.connect(lower.owner).appoint(upper.address, lower.address, world.stranger),
    )
    figures['admit, within a call'] = Number(await tree.admit.estimateGas(upper.address, world.stranger)) - 21_000

    figures.found = await gasOf(ensembles.found(settings()))
    for (const [i, { modelId }] of members.entries()) {
      const joined = await gasOf(ensembles.join(1, modelId, 1000, 0))
      if (i === 1) figures.join = joined
    }
    await ensembles.found(settings())
    for (const { modelId } of members.slice(0, 4)) await ensembles.join(2, modelId, 1000, 0)
    const payload = `0x${'04'.repeat(63)}`
    for (const [id, count] of [
      [2, 4],
      [1, MOST],
    ] as const) {
      const deadline = (await networkHelpers.time.latest()) + HOUR
      const queries = [{ inputCommitment: INPUT, payload }]
      figures[`ask ${count}`] = await gasOf(
        ensembles.connect(asker).ask(id, count, queries, deadline, { value: 16_000 }),
      )
      const question = await ensembles.questionCount()
      for (const [i, member] of members.slice(0, count).entries()) {
        const sent = await answer(question, member)
        if (i === 1 && count === 4) figures['answer, at the hub'] = Number((await sent.wait())!.gasUsed)
      }
      figures[`close ${count}`] = await gasOf(ensembles.close(question))
    }
    const { owner, address: student } = members[5]!
    const terms = { ensembleId: 2, price: 4000, maxLabels: 9, minLead: 0, answerSeconds: 3600 }
    figures['open a book'] = await gasOf(labels.connect(owner).openBook(student, terms, { value: 40_000 }))
    figures['ask 4 for a label'] = await gasOf(labels.connect(owner).askLabel(1, 4, INPUT, payload))
    const question = await ensembles.questionCount()
    for (const member of members.slice(0, 4)) await answer(question, member)
    figures['record a label'] = await gasOf(labels.record(question))
    figures.leave = await gasOf(ensembles.leave(1, lower.address))
    const bytes = await codeSizes(['ServiceTree', 'ServiceEnsemble', 'PseudoLabels', 'MacroOpinion'])
    compareSnapshot('nested', { gas: figures, bytes })
  })
})
