// SPDX-License-Identifier: GPL-3.0-or-later
// Collateral and receivers that misbehave, compiled in the test: they are nobody's product.
import { type BaseContract, ContractFactory, type Signer } from 'ethers'
import { compile } from '../../../scripts/solc.ts'

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

contract Token {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    function mint(address to, uint256 amount) external { balanceOf[to] += amount; }
    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }
    function approveAs(address owner, address spender) external { allowance[owner][spender] = type(uint256).max; }
    function transfer(address to, uint256 amount) external returns (bool) { return move(msg.sender, to, amount); }
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        return move(from, to, amount);
    }
    function move(address from, address to, uint256 amount) internal virtual returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

contract FeeToken is Token {
    function move(address from, address to, uint256 amount) internal override returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount - amount / 100;
        return true;
    }
}

contract LazyToken is Token {
    function move(address, address, uint256) internal pure override returns (bool) { return true; }
}

/// Reverts every transfer once it is told to.
contract FrozenToken is Token {
    bool public frozen;
    function freeze() external { frozen = true; }
    function move(address from, address to, uint256 amount) internal override returns (bool) {
        require(!frozen, "frozen");
        return super.move(from, to, amount);
    }
}

/// Calls somebody in the middle of a transfer, once for each time it is armed, whatever comes of it.
contract CallbackToken is Token {
    address internal target;
    bytes internal data;
    bool public called;
    bool public succeeded;
    function arm(address to, bytes calldata what) external { (target, data) = (to, what); }
    function move(address from, address to, uint256 amount) internal override returns (bool) {
        if (target != address(0)) {
            address callee = target;
            target = address(0);
            called = true;
            (succeeded, ) = callee.call(data);
        }
        return super.move(from, to, amount);
    }
}

/// Receives outcome tokens, in one of many moods; acts for whoever asks.
contract Receiver {
    enum Mood { Content, Reverting, WrongAnswer, Gluttonous, Reentering }
    Mood public mood;
    address internal target;
    bytes internal data;
    bool public succeeded;
    uint256 internal sink;
    function set(Mood to, address callee, bytes calldata what) external { (mood, target, data) = (to, callee, what); }
    function run(address callee, bytes calldata what) external payable {
        (bool success, bytes memory answer) = callee.call{value: msg.value}(what);
        if (!success) assembly { revert(add(answer, 0x20), mload(answer)) }
    }
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        return _receive(this.onERC1155Received.selector);
    }
    function onERC1155BatchReceived(
        address, address, uint256[] calldata, uint256[] calldata, bytes calldata
    ) external returns (bytes4) {
        return _receive(this.onERC1155BatchReceived.selector);
    }
    function _receive(bytes4 answer) internal returns (bytes4) {
        if (mood == Mood.Reverting) revert("no");
        if (mood == Mood.WrongAnswer) return 0x12345678;
        if (mood == Mood.Gluttonous) while (true) ++sink;
        if (mood == Mood.Reentering) (succeeded, ) = target.call(data);
        return answer;
    }
}

/// What a mandate may call: takes ether, remembers what it was told, refuses on demand.
contract Target {
    uint256 public calls;
    uint256 public last;
    bool public refusing;
    address internal back;
    bytes internal data;
    bool public succeeded;
    error Refused(uint256 amount);
    function refuse(bool to) external { refusing = to; }
    function arm(address to, bytes calldata what) external { (back, data) = (to, what); }
    function pay(address, uint256 amount) external payable returns (uint256) {
        if (refusing) revert Refused(amount);
        ++calls;
        last = amount;
        if (back != address(0)) (succeeded, ) = back.call(data);
        return amount + 1;
    }
}
`

export type HostileName = 'FeeToken' | 'LazyToken' | 'FrozenToken' | 'CallbackToken' | 'Receiver' | 'Target'

export const MOOD = { content: 0, reverting: 1, wrongAnswer: 2, gluttonous: 3, reentering: 4 }

export type Hostile = BaseContract & {
  mint(to: string, amount: bigint): Promise<unknown>
  balanceOf(account: string): Promise<bigint>
  approve(spender: string, amount: bigint): Promise<unknown>
  approveAs(owner: string, spender: string): Promise<unknown>
  freeze(): Promise<unknown>
  arm(target: string, data: string): Promise<unknown>
  called(): Promise<boolean>
  succeeded(): Promise<boolean>
  set(mood: number, target: string, data: string): Promise<unknown>
  run(target: string, data: string, overrides?: object): Promise<unknown>
  calls(): Promise<bigint>
  last(): Promise<bigint>
  refuse(to: boolean): Promise<unknown>
}

let compiled: ReturnType<typeof compile> | undefined

export async function deployHostile(name: HostileName, signer: Signer): Promise<Hostile> {
  compiled ??= compile(SOURCE, { quick: true })
  const { abi, bytecode } = compiled[name]!
  const deployed = await new ContractFactory(abi, bytecode, signer).deploy()
  await deployed.waitForDeployment()
  // ethers types a contract by its methods only when it is generated.
  return deployed as BaseContract as Hostile
}
