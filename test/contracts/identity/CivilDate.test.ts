// SPDX-License-Identifier: GPL-3.0-or-later
import { resolve } from 'node:path'
import { expect } from 'chai'
import { ContractFactory } from 'ethers'
import { network } from 'hardhat'
import { dateOfDay } from '../../../keepers/apps/identity/dates.ts'
import { compile } from '../../../scripts/solc.ts'

const LIBRARY = resolve(import.meta.dirname, '../../../contracts/identity/CivilDate.sol')

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
import {CivilDate} from "${LIBRARY}";
contract Calendar {
    function dates(uint256[] calldata day) external pure returns (uint256[] memory found) {
        found = new uint256[](day.length);
        for (uint256 i = 0; i < day.length; ++i) found[i] = CivilDate.fromDay(day[i]);
    }
}
`

describe('CivilDate', () => {
  it('is the calendar of JavaScript, from 1970 to 2400: each day of leap years and around, and others', async () => {
    const { ethers } = await network.create()
    const [signer] = await ethers.getSigners()
    const { abi, bytecode } = compile(SOURCE, { quick: true }).Calendar!
    const calendar = await new ContractFactory(abi, bytecode, signer).deploy()
    const dates = calendar.getFunction('dates')
    const first = (year: number) => Date.UTC(year, 0, 1) / 86_400_000
    const years = [1970, 1999, 2000, 2001, 2023, 2024, 2025, 2026, 2027, 2028, 2099, 2100, 2101, 2399, 2400]
    const days = years.flatMap((year) => Array.from({ length: 366 }, (_, i) => first(year) + i))
    for (let day = 0; day < 160_000; day += 97) days.push(day)
    for (let at = 0; at < days.length; at += 500) {
      const some = days.slice(at, at + 500)
      expect((await dates(some)).map(Number)).to.deep.equal(some.map(dateOfDay))
    }
    expect(dateOfDay(first(2024) + 59)).to.equal(2024_02_29)
  })
})
