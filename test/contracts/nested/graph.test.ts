// SPDX-License-Identifier: GPL-3.0-or-later
// Who consumes whom, as it is read from contracts.
import { expect } from 'chai'
import { type JsonRpcApiProvider, ZeroAddress } from 'ethers'
import type { DeploymentFile } from '../../../keepers/chain/index.ts'
import { drawTree, NestedError, readGraph } from '../../../keepers/nested/index.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import { commitment, productCircuit } from '../inference/product-circuit.ts'
import { createWorld } from '../rounds/fixture.ts'

describe('the graph of services, read from a chain', () => {
  it('has members, voices, students and askers, and none of the contracts in between', async () => {
    const world = await createWorld()
    const { ethers, factory, models, parameters, players, admin, stranger, networkHelpers } = world
    const verifiers = await ethers.deployContract('VerifierRegistry', [admin])
    const hub = await ethers.deployContract('InferenceHub', [models, verifiers])
    const oracle = await ethers.deployContract('EnsembleOracle', [hub])
    const tree = await ethers.deployContract('ServiceTree', [models])
    const ensembles = await ethers.deployContract('ServiceEnsemble', [hub])
    const labels = await ethers.deployContract('PseudoLabels', [ensembles])
    for (const role of ['REGISTRAR_ROLE', 'RELEASE_ROLE'] as const)
      await models.connect(admin).grantRole(await models[role](), admin)
    await verifiers.connect(admin).grantRole(await verifiers.REGISTRAR_ROLE(), admin)
    const circuit = await productCircuit()
    const verifier = await (await circuit.deployVerifier(admin)).getAddress()
    await verifiers.connect(admin).register(circuit.id, verifier, circuit.vkHash, 1, '0x')

    const services: string[] = [await factory.serviceAt(0)]
    await factory.connect(admin).createService('upper', admin, parameters)
    services.push(await factory.serviceAt(1))
    const [lower, upper] = services as [string, string]
    const own = await ethers.deployContract('AdoptedModel', [admin])
    const teacher = await own.getAddress()
    await models.connect(admin).registerService(own)
    await own.connect(admin).adopt(commitment(7n), `0x01551220${'56'.repeat(32)}`)
    await models.connect(admin).release(own, 1)
    const described = {
      circuitHash: circuit.id,
      vkHash: circuit.vkHash,
      proofSystemId: ethers.id('groth16-bn254-v1').slice(0, 10),
    }
    await hub.registerModel({ ...described, modelHash: ethers.ZeroHash, uri: '' }, own, 0, OUTPUT.label)

    await tree.connect(admin).open(upper, { level: 1, hybrid: false, others: ZeroAddress })
    await tree.connect(admin).invite(upper, lower)
    const keeper = players[0]!.owner.address
    await tree.connect(admin).appoint(upper, lower, keeper)
    await ensembles.found({ rule: 0, minAnswers: 1, quorum: 5000, majority: 0, scale: 0, range: 10 })
    await ensembles.join(1, 1, 700, 0)
    const terms = { ensembleId: 1, price: 1000, maxLabels: 5, minLead: 0, answerSeconds: 3600 }
    await labels.connect(admin).openBook(lower, terms, { value: 5000 })
    await labels.connect(admin).askLabel(1, 1, commitment(1n), '0x')
    const deadline = (await networkHelpers.time.latest()) + 3600
    const query = { inputCommitment: commitment(1n), payload: '0x' }
    await ensembles.connect(stranger).ask(1, 1, [query], deadline, { value: 10 })
    for (let i = 0; i < 2; i++) await hub.connect(stranger).request(1, commitment(1n), deadline, 0, '0x', { value: 10 })
    await oracle.createEnsemble(
      { rule: 0, quorum: 5000, majority: 0, adaptation: 0, curator: ZeroAddress, range: 10, tolerance: 0 },
      [{ id: 1, decoding: 0, weight: 900, minMargin: 0 }],
    )

    const at = async (contract: { getAddress(): Promise<string> }) => await contract.getAddress()
    const contracts = {
      ...{ ModelRegistry: await at(models), ServiceFactory: await at(factory) },
      ...{ InferenceHub: await at(hub), EnsembleOracle: await at(oracle) },
    } as unknown as DeploymentFile['contracts']
    const provider = ethers.provider as unknown as JsonRpcApiProvider
    const addresses = { tree: await at(tree), ensembles: await at(ensembles), 'labels-at': await at(labels) }
    const { nodes, edges, cycles } = await readGraph(provider, { contracts, fromBlock: 0 }, addresses)
    const [ensemble, old] = [`${addresses.ensembles}#1`, `${contracts.EnsembleOracle}#1`]
    const asker = stranger.address
    const plain = (all: typeof edges) =>
      all.map(({ consumer, kind, provider: of, detail }) => [consumer, kind, of, detail].join(' ')).sort()
    expect(plain(edges)).to.deep.equal(
      [
        `${upper} member ${lower} keeper ${keeper}`,
        `${ensemble} voice ${teacher} weight 700`,
        `${old} voice ${teacher} model 1, weight 900`,
        `${lower} distils ${ensemble} book 1, 0 of 5 labels`,
        `${asker} asks ${ensemble} 1 questions`,
        `${asker} asks ${teacher} 2 requests`,
      ].sort(),
    )
    expect(cycles).to.deep.equal([])
    const kinds = Object.fromEntries(nodes.map(({ id, kind, name }) => [id, `${kind} ${name}`]))
    expect(kinds).to.deep.equal({
      ...{ [upper]: 'service upper, level 1', [lower]: 'service digits', [teacher]: 'service adopted model' },
      ...{ [ensemble]: 'ensemble ensemble 1', [old]: 'ensemble oracle ensemble 1', [asker]: `account ${asker}` },
    })
    // Without the addresses of this feature: what the deployment has.
    const bare = await readGraph(provider, { contracts, fromBlock: 0 }, {})
    expect(bare.edges.map(({ kind }) => kind).sort()).to.deep.equal(['asks', 'asks', 'voice'])

    // A student that has a voice in its teacher: co-training is a cycle, and is drawn as one.
    await labels.connect(admin).openBook(own, terms, { value: 5000 })
    const round = await readGraph(provider, { contracts, fromBlock: 0 }, addresses)
    expect(round.cycles).to.have.length(1)
    expect(drawTree(round)).to.match(/↻/)
    const nowhere = { tree: stranger.address }
    const error = await readGraph(provider, { contracts, fromBlock: 0 }, nowhere).catch((cause: unknown) => cause)
    expect(error).to.be.instanceOf(NestedError)
    expect((error as Error).message).to.match(/--tree 0x.* has no code on this chain/)
  })
})
