// SPDX-License-Identifier: GPL-3.0-or-later
// OpenZeppelin's ERC-7579 account with a hook, under one key; and a Safe's module that takes what it can get.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { AbiCoder, Contract, ContractFactory, concat, Interface, type TransactionResponse, toBeHex } from 'ethers'
import { compile } from '../../../scripts/solc.ts'

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccountERC7579Hooked} from "@openzeppelin/contracts/account/extensions/draft-AccountERC7579Hooked.sol";
import {IEntryPoint} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

contract Modular is AccountERC7579Hooked {
    address private immutable OWNER = msg.sender;

    /// What the entry point may do, the owner may.
    function entryPoint() public view override returns (IEntryPoint) { return IEntryPoint(OWNER); }
}

interface ISafe {
    function execTransactionFromModule(address, uint256, bytes calldata, uint8) external returns (bool);
}

contract Drainer {
    ISafe private immutable SAFE;
    uint256 public refused;

    constructor(ISafe safe) { SAFE = safe; }

    function drain(uint256 amount, uint8 operation) external {
        require(SAFE.execTransactionFromModule(address(this), amount, "", operation), "not executed");
    }

    /// Takes as much again while it is paid.
    receive() external payable {
        try SAFE.execTransactionFromModule(address(this), msg.value, "", 0) {} catch { ++refused; }
    }

    /// Foreign code in the Safe's own name.
    function touch() external {
        bytes32 slot = keccak256("touched");
        assembly { sstore(slot, 1) }
    }
}
`

type Mode = 'single' | 'batch' | 'delegate'
const CALL_TYPES: Record<Mode, string> = { single: '0x00', batch: '0x01', delegate: '0xff' }
const coder = AbiCoder.defaultAbiCoder()

export const encodeMode = (mode: Mode): string => CALL_TYPES[mode].padEnd(66, '0')
export const encodeSingle = (to: string, value: bigint, data = '0x'): string => concat([to, toBeHex(value, 32), data])
export const encodeBatch = (executions: readonly { target: string; value: bigint; callData: string }[]): string =>
  coder.encode(['tuple(address target, uint256 value, bytes callData)[]'], [executions])

let compiled: ReturnType<typeof compile> | undefined

function artifact(name: 'Modular' | 'Drainer') {
  compiled ??= compile(SOURCE, { quick: true })
  return compiled[name]!
}

/** An account that `owner` calls directly. */
export async function deployModular(owner: HardhatEthersSigner) {
  const { abi, bytecode } = artifact('Modular')
  const deployed = await new ContractFactory(abi, bytecode, owner).deploy()
  const address = await deployed.getAddress()
  const account = new Contract(address, abi, owner)
  const send = async (name: string, args: readonly unknown[]): Promise<TransactionResponse> =>
    await account.getFunction(name)(...args)
  return {
    address,
    interface: new Interface(abi),
    install: (hook: string, data: string) => send('installModule', [4, hook, data]),
    uninstall: (hook: string) => send('uninstallModule', [4, hook, '0x']),
    execute: (mode: Mode, data: string) => send('execute', [encodeMode(mode), data]),
  }
}

/** A module of the Safe at `safe`, once that enables it. */
export async function deployDrainer(payer: HardhatEthersSigner, safe: string) {
  const { abi, bytecode } = artifact('Drainer')
  const deployed = await new ContractFactory(abi, bytecode, payer).deploy(safe)
  const address = await deployed.getAddress()
  const drainer = new Contract(address, abi, payer)
  return {
    address,
    interface: new Interface(abi),
    drain: async (amount: bigint, operation: number): Promise<TransactionResponse> =>
      await drainer.getFunction('drain')(amount, operation),
    refused: async (): Promise<bigint> => await drainer.getFunction('refused')(),
  }
}
