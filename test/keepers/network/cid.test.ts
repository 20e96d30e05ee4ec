// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { cidBytes, cidFromHex, cidHex, NetworkError } from '../../../keepers/network/index.ts'

const CID_TEXT = 'bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'

describe('CIDs', () => {
  it('turn to bytes and back, and bytes and text that are none are refused', () => {
    expect(cidFromHex(cidHex(CID_TEXT))).to.equal(CID_TEXT)
    for (const hex of ['0x', '0x00', `${cidHex(CID_TEXT)}00`, cidHex(CID_TEXT).slice(0, -2)]) {
      expect(() => cidFromHex(hex), hex).to.throw(NetworkError)
    }
    expect(() => cidBytes('no cid')).to.throw(NetworkError, /'no cid' is not a CID/)
  })
})
