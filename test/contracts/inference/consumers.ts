// SPDX-License-Identifier: GPL-3.0-or-later
// Consumers of inferences, one honest and several hostile, compiled in the test: they are nobody's product.
import { type BaseContract, ContractFactory, type Signer } from 'ethers'
import { compile } from '../../../scripts/solc.ts'

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

interface IHub {
    struct Groth16Proof { uint256[2] a; uint256[2][2] b; uint256[2] c; }
    function request(uint256, bytes32, uint64, uint32, bytes calldata) external payable returns (bytes32);
    function fulfil(bytes32, uint256, Groth16Proof calldata) external;
    function withdraw(address, address payable) external;
}

contract Asker {
    IHub internal immutable HUB;
    uint256 public calls;
    uint256 public output;
    uint64 public version;

    constructor(IHub hub) payable { HUB = hub; }

    function ask(uint256 modelId, bytes32 input, uint64 deadline, uint32 gasCap, uint256 price) public {
        HUB.request{value: price}(modelId, input, deadline, gasCap, "");
    }

    function collect(address payable to) external { HUB.withdraw(address(this), to); }

    function onInference(bytes32, uint256, uint64 version_, bytes32, uint256 output_) public virtual {
        require(msg.sender == address(HUB), "not the hub");
        ++calls;
        (version, output) = (version_, output_);
    }
}

contract Reverter is Asker {
    constructor(IHub hub) payable Asker(hub) {}
    function onInference(bytes32, uint256, uint64, bytes32, uint256) public pure override { revert("no"); }
}

contract Glutton is Asker {
    constructor(IHub hub) payable Asker(hub) {}
    function onInference(bytes32, uint256, uint64, bytes32, uint256) public override { while (true) ++calls; }
}

contract Bomber is Asker {
    constructor(IHub hub) payable Asker(hub) {}
    function onInference(bytes32, uint256, uint64, bytes32, uint256) public pure override {
        assembly { revert(0, 1000000) }
    }
}

/// Tries to be paid again, to have the request answered again, and to ask again, from inside its callback.
contract Reenterer is Asker {
    IHub.Groth16Proof internal proof;
    bool public paidAgain;
    bool public answeredAgain;
    bool public askedAgain;

    constructor(IHub hub) payable Asker(hub) {}
    receive() external payable {}
    function arm(IHub.Groth16Proof calldata p) external { proof = p; }

    function onInference(bytes32 id, uint256 modelId, uint64, bytes32 input, uint256 output_) public override {
        ++calls;
        try HUB.withdraw(address(this), payable(address(this))) { paidAgain = true; } catch {}
        try HUB.fulfil(id, output_, proof) { answeredAgain = true; } catch {}
        try HUB.request{value: 1}(modelId, input, uint64(block.timestamp + 60), 0, "") { askedAgain = true; } catch {}
    }
}
`

export type ConsumerName = 'Asker' | 'Reverter' | 'Glutton' | 'Bomber' | 'Reenterer'

export type Consumer = BaseContract & {
  ask(modelId: number, input: string, deadline: number, gasCap: number, price: bigint): Promise<unknown>
  collect(to: string): Promise<unknown>
  calls(): Promise<bigint>
  output(): Promise<bigint>
  version(): Promise<bigint>
  arm(proof: object): Promise<unknown>
  paidAgain(): Promise<boolean>
  answeredAgain(): Promise<boolean>
  askedAgain(): Promise<boolean>
}

let compiled: ReturnType<typeof compile> | undefined

/** A consumer of the hub, with one ether to spend. */
export async function deployConsumer(name: ConsumerName, hub: string, signer: Signer): Promise<Consumer> {
  compiled ??= compile(SOURCE, { quick: true })
  const { abi, bytecode } = compiled[name]!
  const deployed = await new ContractFactory(abi, bytecode, signer).deploy(hub, { value: 10n ** 18n })
  await deployed.waitForDeployment()
  return deployed as BaseContract as Consumer
}
