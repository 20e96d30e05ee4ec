// SPDX-License-Identifier: GPL-3.0-or-later
// Whose work an answer of the validator speaks for, at a registry that takes each request once, as ERC-8004's reference does.
import { expect } from 'chai'
import { ContractFactory } from 'ethers'
import { compile } from '../inference/compile.ts'
import { createHub, FEATURE, INPUT, WEIGHTS } from '../inference/hub.ts'

const REGISTRY = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
contract Registry {
    struct Status { address validator; uint256 agentId; uint8 response; bool answered; }
    mapping(bytes32 => Status) public statusOf;
    mapping(uint256 => address) public ownerOf;
    function own(uint256 agentId) external { ownerOf[agentId] = msg.sender; }
    function validationRequest(address validator, uint256 agentId, string calldata, bytes32 requestHash) external {
        require(statusOf[requestHash].validator == address(0), "exists");
        require(ownerOf[agentId] == msg.sender, "not authorized");
        statusOf[requestHash] = Status(validator, agentId, 0, false);
    }
    function getValidationStatus(bytes32 requestHash) external view returns (address, uint256, uint8, bytes32, string memory, uint256) {
        Status memory status = statusOf[requestHash];
        return (status.validator, status.agentId, status.response, 0, "", 0);
    }
    function validationResponse(bytes32 requestHash, uint8 response, string calldata, bytes32, string calldata) external {
        Status storage status = statusOf[requestHash];
        require(status.validator == msg.sender, "not validator");
        (status.response, status.answered) = (response, true);
    }
}`

async function createAgents() {
  const world = await createHub()
  const { ethers, hub, dao } = world
  const validator = await ethers.deployContract('HubValidator', [hub])
  const { abi, bytecode } = compile(REGISTRY).Registry!
  const registry = await new ContractFactory(abi, bytecode, dao).deploy()
  const id = await world.ask()
  const { output, proof } = await world.answer(id, world.prover)
  await hub.connect(world.prover).fulfil(id, output, proof)
  const claim = { hubRequestId: id, modelId: 1, version: 1, inputCommitment: INPUT, output: WEIGHTS[0]! * FEATURE }
  const [honest, copycat] = [
    { agent: 7, owner: world.prover },
    { agent: 8, owner: world.stranger },
  ]
  for (const { agent, owner } of [honest, copycat]) await registry.connect(owner).getFunction('own')(agent)
  const of = await validator.hashOf(claim)
  const request = (by: typeof honest, named: string) =>
    registry.connect(by.owner).getFunction('validationRequest')(named, by.agent, 'ipfs://claim', of)
  return { ...world, validator, registry, claim, honest, copycat, request, of }
}

describe('HubValidator beside other agents', () => {
  it('lets no agent keep another from having its claim answered by asking with the same hash first', async () => {
    const { honest, copycat, request, validator } = await createAgents()
    // What a claim is made of is public as soon as the hub's request is. Whom the copycat names does not matter.
    await request(copycat, copycat.owner.address)
    await request(honest, await validator.getAddress())
  })

  it('confirms no claim for an agent that it does not name: what one has done speaks for no other', async () => {
    const { copycat, request, validator, registry, claim, of } = await createAgents()
    await request(copycat, await validator.getAddress())
    await validator.answer(await registry.getAddress(), claim).catch(() => undefined)
    const { answered, agentId } = await registry.getFunction('statusOf')(of)
    expect([agentId, answered]).to.deep.equal([BigInt(copycat.agent), false])
  })
})
