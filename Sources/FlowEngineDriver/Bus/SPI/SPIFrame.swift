// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The four accesses of the SPI control protocol. One frame is one assertion of the chip select; everything in it goes
/// most significant bit first, address and data big-endian. There is no burst and no checksum.
///
///     write local  0F AA AA AA DD DD DD DD
///     read local   3C AA AA AA dd dd dd dd              (d: from the card)
///     write MMI    C3 AA AA AA DD DD DD DD
///     read MMI     F0 AA AA AA 00 00 00 00 dd dd dd dd  (four bytes of padding while the card looks it up)
public enum SPIFrame {
    public enum Command: UInt8, Sendable {
        case writeLocal = 0x0f
        case readLocal = 0x3c
        case writeMMI = 0xc3
        case readMMI = 0xf0

        /// The one the card takes for this access: the local block has commands of its own.
        public init(_ access: RegisterAccess) {
            self =
                switch (access.kind, access.address.isSPILocal) {
                case (.write, true): .writeLocal
                case (.read, true): .readLocal
                case (.write, false): .writeMMI
                case (.read, false): .readMMI
                }
        }

        /// Bytes of the frame.
        public var length: Int { self == .readMMI ? 12 : 8 }
    }

    public static let longest = 12
}
