// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The registers that a transport itself needs: to ask whether accesses went well, and whether there is a card.
///
/// They are where they are in every public map revision (7, 16, 17), so a transport works before the revision is known.
public enum BusRegisters {
    /// SPI local ACCESS_ERROR: what went wrong since it was last read. Cleared by reading (map revision 17, SPI local).
    public static let accessError = RegisterAddress(rawValue: 0x0c_0f00)
    /// SPI local FPGA_REV: use case, revision of the register map, design; never zero, because the revision is not.
    public static let localRevision = RegisterAddress(rawValue: 0x0c_0500)
    /// COMMON ADDR_MAP_REV: the revision of the register map, never zero.
    public static let mapRevision = RegisterAddress(rawValue: 0x00_040c)
    /// COMMON RW_TEST: a scratch register without effect.
    public static let scratch = RegisterAddress(rawValue: 0x00_0420)
    /// BM MMI_STATUS: what went wrong since it was last read. Cleared by reading (TrustNode map, BM).
    public static let busStatus = RegisterAddress(rawValue: 0x00_0000)
    /// BM TO_ADDR and TO_WR_ADDR: where a read, or a write, timed out.
    public static let readTimeoutAddress = RegisterAddress(rawValue: 0x00_0010)
    public static let writeTimeoutAddress = RegisterAddress(rawValue: 0x00_0020)
    /// BM ACCESS_ERR_ADDR: what address was refused.
    public static let refusedAddress = RegisterAddress(rawValue: 0x00_001c)

    /// Addresses that SPI reaches with the local commands, and with no others (facts of the SPI protocol: "0x0C0000 to
    /// 0x0FFF00").
    public static let spiLocal = RegisterAddress(rawValue: 0x0c_0000)...RegisterAddress(rawValue: 0x0f_ff00)
}

extension RegisterAddress {
    var isSPILocal: Bool { BusRegisters.spiLocal.contains(self) }
}

extension RegisterAccess {
    /// A read that gave the pattern of a timeout although the card's error register says that all is well. Two sources
    /// disagree, and the safe one is believed: a timeout taken for a value does harm, while no register but the scratch
    /// register, which holds whatever was written to it, has any reason to hold just this word.
    var isLateWithoutTrace: Bool {
        kind == .read && value == BusError.timeoutPattern && address != BusRegisters.scratch
    }
}

extension [RegisterAccess] {
    /// Finds out before anything is sent whether every address can be reached at all.
    func check(
        below limit: UInt32, reach: @autoclosure () -> String, bus: @autoclosure () -> String
    ) throws(BusError) {
        for access in self {
            if !access.address.isValid {
                throw BusError(
                    .address("an address is a multiple of 4 below 0x1000000, \(access.address) is not"), bus: bus(),
                    access: access)
            }
            if access.address.rawValue > limit - 4 {
                throw BusError(.address("\(access.address) lies beyond \(reach())"), bus: bus(), access: access)
            }
        }
    }
}
