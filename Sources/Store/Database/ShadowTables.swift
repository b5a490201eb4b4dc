// SPDX-License-Identifier: Apache-2.0
import Controller
import GRDB
import GRDBSQLite

/// The rows of `backends` and `shadows`. Used inside its connection alone.
final class ShadowTables {
    private let setRecord: RawStatement
    private let removeRecord: RawStatement

    init(_ db: Database) throws {
        setRecord = try RawStatement(
            db,
            """
            INSERT INTO shadows (backend, place, content) VALUES (?1, ?2, ?3)
            ON CONFLICT (backend, place) DO UPDATE SET content = excluded.content
            """)
        removeRecord = try RawStatement(db, "DELETE FROM shadows WHERE backend = ?1 AND place = ?2")
    }

    func apply(_ shadows: [String: StoreChange.ShadowChange], _ db: Database) throws {
        for (name, change) in shadows {
            try db.cachedStatement(sql: "INSERT OR IGNORE INTO backends (name, marker) VALUES (?, 0)")
                .execute(arguments: [name])
            if let marker = change.marker {
                try db.cachedStatement(sql: "UPDATE backends SET marker = ? WHERE name = ?")
                    .execute(arguments: [Int64(bitPattern: marker), name])
            }
            let select = try db.cachedStatement(sql: "SELECT id FROM backends WHERE name = ?")
            guard let backend = try Int64.fetchOne(select, arguments: [name]) else {
                throw DatabaseError(resultCode: .SQLITE_INTERNAL)
            }
            for (place, content) in change.records {
                guard let content else {
                    removeRecord.bind(1, backend)
                    removeRecord.bind(2, Int64(bitPattern: place))
                    try removeRecord.run()
                    continue
                }
                try content.withUnsafeBytes { bytes in
                    setRecord.bind(1, backend)
                    setRecord.bind(2, Int64(bitPattern: place))
                    setRecord.bind(3, bytes)
                    try setRecord.run()
                }
            }
        }
    }
}
