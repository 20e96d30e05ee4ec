// SPDX-License-Identifier: GPL-3.0-or-later
// Claims of agents, answered through a registry as ERC-8004 has it, which this test makes: only whom a request names answers it.
import { expect } from 'chai'
import { AbiCoder, ContractFactory, keccak256, ZeroAddress } from 'ethers'
import { compile } from '../../../scripts/solc.ts'
import { createHub, FEATURE, INPUT, WEIGHTS } from '../inference/hub.ts'

const TAG = 'cohort.inference.v1'
const REGISTRY = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
contract Registry {
    error NotTheValidator(address caller);
    event ValidationResponse(address indexed validator, uint256 indexed agentId, bytes32 indexed requestHash, uint8 response, string tag);
    mapping(bytes32 => address) public validatorOf;
    mapping(bytes32 => uint256) public agentOf;
    function getValidationStatus(bytes32 requestHash) external view returns (address, uint256, uint8, bytes32, string memory, uint256) {
        return (validatorOf[requestHash], agentOf[requestHash], 0, 0, "", 0);
    }
    function validationRequest(address validator, uint256 agentId, string calldata, bytes32 requestHash) external {
        require(validatorOf[requestHash] == address(0), "exists");
        validatorOf[requestHash] = validator;
        agentOf[requestHash] = agentId;
    }
    function validationResponse(bytes32 requestHash, uint8 response, string calldata, bytes32, string calldata tag) external {
        if (validatorOf[requestHash] != msg.sender) revert NotTheValidator(msg.sender);
        emit ValidationResponse(msg.sender, agentOf[requestHash], requestHash, response, tag);
    }
}`

async function createValidator() {
  const world = await createHub()
  const { ethers, hub, dao } = world
  const validator = await ethers.deployContract('HubValidator', [hub])
  const { abi, bytecode } = compile(REGISTRY, { quick: true }).Registry!
  const registry = await new ContractFactory(abi, bytecode, dao).deploy()
  const id = await world.ask()
  const claim = (changes: object = {}) => ({
    ...{ agentId: 7, salt: keccak256('0x05') },
    ...{ hubRequestId: id, modelId: 1, version: 1, inputCommitment: INPUT, output: WEIGHTS[0]! * FEATURE },
    ...changes,
  })
  const fulfil = async () => {
    const { output, proof } = await world.answer(id, world.prover)
    await hub.connect(world.prover).fulfil(id, output, proof)
  }
  /** The agent's owner asks the validator about a claim. */
  const request = async (given: ReturnType<typeof claim>, by = validator, agentId = 7) =>
    registry.getFunction('validationRequest')(by, agentId, 'ipfs://claim', await validator.hashOf(given))
  return { ...world, validator, registry, claim, fulfil, request, id }
}

describe('HubValidator', () => {
  it('confirms a proven output and refutes another one, in the registry’s own terms', async () => {
    const { validator, registry, claim, fulfil, request, stranger } = await createValidator()
    await fulfil()
    for (const [given, response] of [
      [claim(), 100],
      [claim({ output: WEIGHTS[0]! * FEATURE + 1n }), 0],
    ] as const) {
      await request(given)
      const at = await registry.getAddress()
      expect(await validator.connect(stranger).answer.staticCall(at, given)).to.equal(response)
      await expect(validator.connect(stranger).answer(at, given))
        .to.emit(registry, 'ValidationResponse')
        .withArgs(await validator.getAddress(), 7, await validator.hashOf(given), response, TAG)
    }
  })

  it('does not answer before there is a proof, nor about another model, version or input', async () => {
    const { validator, registry, hub, claim, fulfil, request, id } = await createValidator()
    const at = await registry.getAddress()
    await request(claim())
    await expect(validator.answer(at, claim())).to.be.revertedWithCustomError(hub, 'NotFulfilled').withArgs(id, 1)
    await expect(validator.answer(at, claim({ hubRequestId: keccak256('0x01') }))).to.be.revertedWithCustomError(
      hub,
      'UnknownRequest',
    )
    await fulfil()
    // A request of the hub's about something else must neither confirm an agent's claim nor smear it.
    for (const other of [{ modelId: 2 }, { version: 2 }, { inputCommitment: keccak256('0x02') }]) {
      await request(claim(other))
      await expect(validator.answer(at, claim(other)))
        .to.be.revertedWithCustomError(validator, 'ClaimOfOtherRequest')
        .withArgs(id)
    }
  })

  it('answers a claim for the agent that it names, and for no other, whoever is first with its hash', async () => {
    const { validator, registry, claim, fulfil, request, stranger } = await createValidator()
    await fulfil()
    const at = await registry.getAddress()
    // A copycat brings the hash of agent 7's claim for its own agent: it gets nothing for it.
    await request(claim(), validator, 666)
    await expect(validator.answer(at, claim()))
      .to.be.revertedWithCustomError(validator, 'ClaimOfOtherAgent')
      .withArgs(666, 7)
    // Or only takes the hash: agent 7 claims again.
    const again = claim({ salt: keccak256('0x06') })
    await request(claim({ salt: keccak256('0x07') }), stranger as never, 666)
    await request(again)
    await expect(validator.answer(at, again))
      .to.emit(registry, 'ValidationResponse')
      .withArgs(await validator.getAddress(), 7, await validator.hashOf(again), 100, TAG)
  })

  it('answers only requests that name it, each under a hash of this chain and this hub', async () => {
    const { validator, registry, claim, fulfil, request, stranger, ethers, hub } = await createValidator()
    await fulfil()
    const at = await registry.getAddress()
    await expect(validator.answer(at, claim())).to.be.revertedWithCustomError(validator, 'ClaimOfOtherAgent')
    await request(claim(), stranger as never)
    await expect(validator.answer(at, claim())).to.be.revertedWithCustomError(registry as never, 'NotTheValidator')
    const { chainId } = await ethers.provider.getNetwork()
    const given = claim()
    const content = AbiCoder.defaultAbiCoder().encode(
      ['string', 'uint256', 'address', 'tuple(uint256,bytes32,bytes32,uint256,uint64,bytes32,uint256)'],
      [TAG, chainId, await hub.getAddress(), Object.values(given)],
    )
    expect(await validator.contentOf(given)).to.equal(content)
    expect(await validator.hashOf(given)).to.equal(keccak256(content))
    const twin = await ethers.deployContract('InferenceHub', [await hub.MODELS(), await hub.VERIFIERS()])
    const other = await ethers.deployContract('HubValidator', [twin])
    expect(await other.hashOf(given)).not.to.equal(await validator.hashOf(given))
    await expect(ethers.deployContract('HubValidator', [ZeroAddress])).to.be.revertedWithCustomError(
      validator,
      'ZeroAddress',
    )
  })
})
