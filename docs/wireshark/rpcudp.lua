-- Wireshark dissector for rpcudp: RPC over UDP, as the Python packages rpcudp and storjrpcudp speak it, and the Rust crate
-- rpcudp with its failure frame and the time that a caller still waits. docs/wire.md is what it follows.
--
-- How to install it is in README.md beside it. For Wireshark and tshark 3.6 and later.

local NAME = "rpcudp"

-- What the crate takes too: a body that nests deeper is no message.
local MAX_DEPTH = 32
-- A datagram of one-byte values would have 65,000 items; nobody reads them, and each costs memory.
local MAX_ITEMS = 4000
-- How much of a value is shown in a line of the tree, and of the list of packets.
local MAX_LABEL, MAX_INFO = 120, 80

local HEADER_LEN, ID_LEN = 21, 20

local KINDS = {
    [0] = { role = "request", dialect = "rpcudp" },
    [1] = { role = "response", dialect = "rpcudp" },
    [2] = { role = "request", dialect = "storjrpcudp" },
    [3] = { role = "response", dialect = "storjrpcudp" },
    [4] = { role = "failure", dialect = "rpcudp" },
}

local TYPE_NAMES = {
    [0] = "Request", [1] = "Response", [2] = "Request (storj)", [3] = "Response (storj)", [4] = "Failure",
}

local FAILURE_NAMES = {
    [0] = "the method returned an error",
    [1] = "unknown method",
    [2] = "malformed arguments",
    [3] = "busy",
    [4] = "the handler panicked",
    [5] = "the response is too large",
    [6] = "the response could not be encoded",
    [7] = "closing",
    [8] = "stopped",
    [9] = "rejected",
}

local rpcudp = Proto(NAME, "rpcudp: RPC over UDP")

local fields = {
    type = ProtoField.uint8("rpcudp.type", "Type", base.HEX, TYPE_NAMES),
    dialect = ProtoField.string("rpcudp.dialect", "Dialect"),
    id = ProtoField.bytes("rpcudp.id", "Message id"),
    method = ProtoField.string("rpcudp.method", "Method"),
    arguments = ProtoField.string("rpcudp.arguments", "Arguments"),
    argument_count = ProtoField.uint32("rpcudp.argument_count", "Number of arguments"),
    result = ProtoField.string("rpcudp.result", "Result"),
    failure_code = ProtoField.uint8("rpcudp.failure.code", "Failure", base.DEC, FAILURE_NAMES),
    failure_message = ProtoField.string("rpcudp.failure.message", "Message"),
    failure_detail = ProtoField.string("rpcudp.failure.detail", "Detail"),
    remaining = ProtoField.uint32("rpcudp.remaining", "The caller waits (ms)"),
    trailing = ProtoField.bytes("rpcudp.trailing", "Bytes after the body"),
    request_in = ProtoField.framenum("rpcudp.request_in", "Request in", base.NONE, frametype.REQUEST),
    response_in = ProtoField.framenum("rpcudp.response_in", "Response in", base.NONE, frametype.RESPONSE),
    resend_of = ProtoField.framenum("rpcudp.resend_of", "Sent first in", base.NONE, frametype.RETRANS_PREV),
    copy_of = ProtoField.framenum("rpcudp.copy_of", "Answered first in", base.NONE, frametype.DUP_ACK),
    time = ProtoField.relative_time("rpcudp.time", "Response time"),
    value_nil = ProtoField.none("rpcudp.value.nil", "nil"),
    value_bool = ProtoField.bool("rpcudp.value.bool", "bool"),
    value_uint = ProtoField.uint64("rpcudp.value.uint", "uint"),
    value_int = ProtoField.int64("rpcudp.value.int", "int"),
    value_float = ProtoField.double("rpcudp.value.float", "float"),
    value_str = ProtoField.string("rpcudp.value.str", "str"),
    value_bin = ProtoField.bytes("rpcudp.value.bin", "bin"),
    value_array = ProtoField.uint32("rpcudp.value.array", "array"),
    value_map = ProtoField.uint32("rpcudp.value.map", "map"),
    value_ext = ProtoField.bytes("rpcudp.value.ext", "ext"),
}

local experts = {
    malformed = ProtoExpert.new("rpcudp.malformed", "not a message", expert.group.MALFORMED, expert.severity.WARN),
    refused = ProtoExpert.new("rpcudp.refused", "the call failed", expert.group.RESPONSE_CODE, expert.severity.NOTE),
    resent = ProtoExpert.new("rpcudp.resent", "a request that was sent again", expert.group.SEQUENCE,
        expert.severity.NOTE),
    copy = ProtoExpert.new("rpcudp.copy", "a call was answered again", expert.group.SEQUENCE, expert.severity.NOTE),
    unanswered = ProtoExpert.new("rpcudp.unanswered", "no answer in this capture: lost, oneway, or not there yet",
        expert.group.SEQUENCE, expert.severity.CHAT),
    elsewhere = ProtoExpert.new("rpcudp.other_source", "the answer came from another address than was asked",
        expert.group.SEQUENCE, expert.severity.NOTE),
}

rpcudp.fields = fields
rpcudp.experts = experts
rpcudp.prefs.ports = Pref.range("UDP ports", "", "Ports that carry nothing but rpcudp; on others it is recognised by a \
request", 65535)

-- msgpack. Positions count from 1, as Lua's strings do; `bytes` is all of the datagram.

-- The number that `len` bytes say, big-endian; nil where they are not there.
local function number_at(bytes, at, len)
    if at + len - 1 > #bytes then return nil end
    local number = 0
    for index = at, at + len - 1 do
        number = number * 256 + bytes:byte(index)
    end
    return number
end

-- Kinds whose length stands in the first byte, and how many bytes that is of.
local FIXED = {
    [0xc0] = { "nil", 0 }, [0xc2] = { "bool", 0 }, [0xc3] = { "bool", 0 },
    [0xca] = { "float", 4 }, [0xcb] = { "float", 8 },
    [0xcc] = { "uint", 1 }, [0xcd] = { "uint", 2 }, [0xce] = { "uint", 4 }, [0xcf] = { "uint", 8 },
    [0xd0] = { "int", 1 }, [0xd1] = { "int", 2 }, [0xd2] = { "int", 4 }, [0xd3] = { "int", 8 },
    -- An extension's type is one byte of what follows.
    [0xd4] = { "ext", 2 }, [0xd5] = { "ext", 3 }, [0xd6] = { "ext", 5 }, [0xd7] = { "ext", 9 }, [0xd8] = { "ext", 17 },
}

-- Kinds with a length before what follows: how many bytes the length has, and how many come that it does not count.
local PREFIXED = {
    [0xc4] = { "bin", 1, 0 }, [0xc5] = { "bin", 2, 0 }, [0xc6] = { "bin", 4, 0 },
    [0xc7] = { "ext", 1, 1 }, [0xc8] = { "ext", 2, 1 }, [0xc9] = { "ext", 4, 1 },
    [0xd9] = { "str", 1, 0 }, [0xda] = { "str", 2, 0 }, [0xdb] = { "str", 4, 0 },
    [0xdc] = { "array", 2 }, [0xdd] = { "array", 4 }, [0xde] = { "map", 2 }, [0xdf] = { "map", 4 },
}

-- The value that begins at a position: { kind, start, payload, len, count }. `payload` and `len` are where its own bytes
-- are, and `count` how many values are within it. Nil and the reason, where there is none.
local function head_at(bytes, at)
    local byte = bytes:byte(at)
    if not byte then return nil, "the body ends too early" end
    local head
    if byte < 0x80 or byte >= 0xe0 then
        head = { kind = byte < 0x80 and "uint" or "int", payload = at, len = 1, count = 0 }
    elseif byte < 0x90 then
        head = { kind = "map", payload = at + 1, len = 0, count = 2 * (byte - 0x80) }
    elseif byte < 0xa0 then
        head = { kind = "array", payload = at + 1, len = 0, count = byte - 0x90 }
    elseif byte < 0xc0 then
        head = { kind = "str", payload = at + 1, len = byte - 0xa0, count = 0 }
    elseif FIXED[byte] then
        head = { kind = FIXED[byte][1], payload = at + 1, len = FIXED[byte][2], count = 0 }
    elseif PREFIXED[byte] then
        local kind, width, more = PREFIXED[byte][1], PREFIXED[byte][2], PREFIXED[byte][3]
        local len = number_at(bytes, at + 1, width)
        if not len then return nil, "the body ends too early" end
        head = { kind = kind, payload = at + 1 + width, len = 0, count = 0 }
        if kind == "array" then
            head.count = len
        elseif kind == "map" then
            head.count = 2 * len
        else
            head.len = len + more
        end
    else
        return nil, "a byte that msgpack does not use"
    end
    head.start = at
    local left = #bytes - (head.payload + head.len - 1)
    if left < 0 then return nil, "the body ends too early" end
    -- Each takes a byte at least: nothing is counted that is not there.
    if head.count > left then return nil, "it claims more values than there are bytes" end
    return head
end

-- Where the value ends that begins here: the position after it. Nil and the reason, where there is none.
local function skip(bytes, at, depth)
    local head, reason = head_at(bytes, at)
    if not head then return nil, reason end
    local next = head.payload + head.len
    if head.count > 0 then
        if depth == MAX_DEPTH then return nil, "it nests deeper than " .. MAX_DEPTH .. " levels" end
        for _ = 1, head.count do
            next, reason = skip(bytes, next, depth + 1)
            if not next then return nil, reason end
        end
    end
    return next
end

-- Text for people

-- Whether bytes are UTF-8, as far as showing them needs to know.
local function is_utf8(text)
    local at = 1
    while at <= #text do
        local byte = text:byte(at)
        local more = byte < 0x80 and 0 or byte >= 0xc2 and byte < 0xe0 and 1 or byte >= 0xe0 and byte < 0xf0 and 2
            or byte >= 0xf0 and byte < 0xf5 and 3
        if not more or at + more > #text then return false end
        for index = at + 1, at + more do
            local follows = text:byte(index)
            if follows < 0x80 or follows >= 0xc0 then return false end
        end
        at = at + more + 1
    end
    return true
end

-- The beginning of a text, with no character in two and "…" where there is more.
local function cut(text, room)
    if #text <= room then return text end
    local len = room
    while len > 0 and text:byte(len + 1) >= 0x80 and text:byte(len + 1) < 0xc0 do
        len = len - 1
    end
    return text:sub(1, len) .. "…"
end

local function escaped(byte)
    return ("\\x%02x"):format(byte:byte())
end

-- A text as it may stand in a line: what is no text, or would move a terminal's cursor, is escaped.
local function printable(text, room)
    local shown = cut(text, room)
    shown = shown:gsub("[%c\\]", function(byte) return byte == "\\" and "\\\\" or escaped(byte) end)
    return is_utf8(text) and shown or shown:gsub("[\128-\255]", escaped)
end

-- Bytes as the command line takes them.
local function hex(bytes, room)
    local len = math.min(#bytes, math.max(1, math.floor(room / 2)))
    local shown = bytes:sub(1, len):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
    return "hex:" .. shown .. (len < #bytes and "…" or "")
end

local scalar = {}

scalar["nil"] = function() return "nil" end

function scalar.bool(bytes, head) return bytes:byte(head.start) == 0xc3 and "true" or "false" end

function scalar.str(bytes, head, room)
    return '"' .. printable(bytes:sub(head.payload, head.payload + head.len - 1), room) .. '"'
end

function scalar.bin(bytes, head, room) return hex(bytes:sub(head.payload, head.payload + head.len - 1), room) end

function scalar.ext(bytes, head, room)
    local kind = bytes:byte(head.payload)
    return "ext " .. kind .. " " .. hex(bytes:sub(head.payload + 1, head.payload + head.len - 1), room)
end

-- Numbers are Wireshark's, for Lua's own may have no integers of 64 bits.
local function number_of(tvb, head)
    local range = tvb:range(head.payload - 1, head.len)
    if head.kind == "float" then return range:float() end
    if head.kind == "uint" then return range:uint64() end
    return range:int64()
end

local function number_text(_, head, _, tvb) return tostring(number_of(tvb, head)) end

scalar.uint, scalar.int, scalar.float = number_text, number_text, number_text

-- A value in about `room` bytes, and the position after it. The value is known to be one.
local function short(bytes, tvb, at, room)
    local head = head_at(bytes, at)
    if scalar[head.kind] then return scalar[head.kind](bytes, head, room, tvb), head.payload + head.len end
    local is_map = head.kind == "map"
    local parts, len, next = {}, 0, head.payload
    for index = 1, head.count do
        if len >= room then
            parts[#parts + 1] = (index > 1 and ", " or "") .. "…"
            next = skip(bytes, at, 0)
            break
        end
        local text
        text, next = short(bytes, tvb, next, room - len)
        if index > 1 then text = (is_map and index % 2 == 0 and ": " or ", ") .. text end
        parts[#parts + 1] = text
        len = len + #text
    end
    local inner = table.concat(parts)
    return is_map and "{" .. inner .. "}" or "[" .. inner .. "]", next
end

-- The tree

local value_fields = {
    uint = fields.value_uint, int = fields.value_int, float = fields.value_float,
}

-- Adds a value to the tree, with those within it, and gives the position after it. `items` is what is left of MAX_ITEMS.
local function add_value(tree, bytes, tvb, at, label, items)
    local head = head_at(bytes, at)
    local text, next = short(bytes, tvb, at, MAX_LABEL)
    if items.left == 0 then return next end
    items.left = items.left - 1
    local range = tvb:range(at - 1, next - at)
    local item
    if value_fields[head.kind] then
        item = tree:add(value_fields[head.kind], range, number_of(tvb, head))
    elseif head.kind == "nil" then
        item = tree:add(fields.value_nil, range)
    elseif head.kind == "bool" then
        item = tree:add(fields.value_bool, range, bytes:byte(at) == 0xc3)
    elseif head.kind == "str" and head.len > 0 then
        item = tree:add_packet_field(fields.value_str, tvb:range(head.payload - 1, head.len), ENC_UTF_8)
    elseif head.kind == "str" then
        item = tree:add(fields.value_str, range, "")
    elseif head.kind == "bin" or head.kind == "ext" then
        local payload = head.len > 0 and tvb:range(head.payload - 1, head.len) or nil
        local field = head.kind == "bin" and fields.value_bin or fields.value_ext
        item = payload and tree:add(field, payload) or tree:add(field, range, "")
    else
        local is_map = head.kind == "map"
        item = tree:add(is_map and fields.value_map or fields.value_array, range, is_map and head.count / 2 or head.count)
        local child = head.payload
        for index = 1, is_map and head.count / 2 or head.count do
            local name = "[" .. (index - 1) .. "]"
            if is_map then name, child = short(bytes, tvb, child, MAX_LABEL) end
            if items.left == 0 then
                item:add(range, "… and more, which is not shown")
                break
            end
            child = add_value(item, bytes, tvb, child, name, items)
        end
    end
    item:set_text(label .. ": " .. text .. " (" .. head.kind .. ")")
    return next
end

-- Adds the time that the caller still waits, or whatever else is behind the body.
local function add_rest(tree, bytes, tvb, at)
    if at > #bytes then return end
    local range = tvb:range(at - 1)
    local len = bytes:sub(at, at + 4) == "\xc1RuT\x01" and bytes:byte(at + 5)
    if len and len >= 4 and #bytes >= at + 5 + len then
        tree:add(fields.remaining, tvb:range(at + 5, 4))
        if #bytes > at + 5 + len then tree:add(fields.trailing, tvb:range(at + 5 + len)) end
    else
        tree:add(fields.trailing, range)
    end
end

-- Messages

-- What a datagram says: { kind, role, dialect, id, ... , rest }, where `rest` is the position after the body. Nil and the
-- reason, where it is no message.
local function parse(bytes)
    local kind = KINDS[bytes:byte(1)]
    if not kind then return nil, "an unknown type" end
    if #bytes < HEADER_LEN + 1 then return nil, "shorter than the shortest message" end
    local message = { role = kind.role, dialect = kind.dialect, id = bytes:sub(2, HEADER_LEN) }
    local body = HEADER_LEN + 1
    local rest, reason = skip(bytes, body, 0)
    if not rest then return nil, reason end
    message.rest = rest
    if message.role == "response" then return message end

    local array = head_at(bytes, body)
    if message.role == "request" then
        local shape = "a request's body is an array of a name and of its arguments"
        if array.kind ~= "array" or array.count ~= 2 then return nil, shape end
        local name = head_at(bytes, array.payload)
        local arguments = head_at(bytes, name.payload + name.len)
        if name.kind ~= "str" or arguments.kind ~= "array" then return nil, shape end
        message.name, message.arguments = name, arguments
        message.method = bytes:sub(name.payload, name.payload + name.len - 1)
        if not is_utf8(message.method) then return nil, "the name of the method is no text" end
        return message
    end
    local shape = "a failure's body is an array of a code and a message"
    if array.kind ~= "array" or array.count < 2 then return nil, shape end
    local code = head_at(bytes, array.payload)
    local text = head_at(bytes, code.payload + code.len)
    if code.kind ~= "uint" or text.kind ~= "str" then return nil, shape end
    message.code, message.text = code, text
    message.detail = array.count > 2 and text.payload + text.len or nil
    return message
end

-- Calls by who made them and their id: { request, time, method, callee, response }, frames and seconds. The id alone would
-- do but for captures of several networks.
local calls = {}
-- What each frame is to its call: { call, resent, copy, time }. Frames are dissected again in any order.
local roles = {}

function rpcudp.init()
    calls, roles = {}, {}
end

local function call_key(message, addr, port)
    return message.dialect .. " " .. tostring(addr) .. " " .. port .. " " .. message.id
end

-- Finds the call of a message, or begins one, when the frame is first seen.
local function role_of(message, pinfo)
    local role = roles[pinfo.number]
    if role or pinfo.visited then return role or {} end
    role = {}
    if message.role == "request" then
        local key = call_key(message, pinfo.src, pinfo.src_port)
        local call = calls[key]
        if call then
            role.resent = call.request
        else
            call = { request = pinfo.number, time = pinfo.rel_ts, method = message.method,
                callee = tostring(pinfo.dst) .. " " .. pinfo.dst_port }
            calls[key] = call
        end
        role.call = call
    else
        local call = calls[call_key(message, pinfo.dst, pinfo.dst_port)]
        if call then
            role.call = call
            role.time = pinfo.rel_ts - call.time
            role.elsewhere = call.callee ~= tostring(pinfo.src) .. " " .. pinfo.src_port
            if call.response then
                role.copy = call.response
            else
                call.response = pinfo.number
            end
        end
    end
    roles[pinfo.number] = role
    return role
end

local function nstime(seconds)
    local whole = math.floor(seconds)
    return NSTime.new(whole, math.floor((seconds - whole) * 1e9 + 0.5))
end

-- Adds what the frame is to its call: where the other half is, and how long it took.
local function add_role(tree, message, role, pinfo)
    local function add(field, ...)
        tree:add(field, ...):set_generated()
    end
    local call = role.call
    if message.role == "request" then
        if role.resent then
            add(fields.resend_of, role.resent)
            tree:add_proto_expert_info(experts.resent)
        end
        if call and call.response then
            add(fields.response_in, call.response)
        elseif pinfo.visited and not role.resent then
            tree:add_proto_expert_info(experts.unanswered)
        end
    elseif call then
        add(fields.request_in, call.request)
        add(fields.method, call.method)
        add(fields.time, nstime(role.time))
        if role.copy then
            add(fields.copy_of, role.copy)
            tree:add_proto_expert_info(experts.copy)
        end
        if role.elsewhere then tree:add_proto_expert_info(experts.elsewhere) end
    end
end

local show = {}

function show.request(tree, message, bytes, tvb, role)
    local name, arguments = message.name, message.arguments
    if name.len > 0 then
        tree:add_packet_field(fields.method, tvb:range(name.payload - 1, name.len), ENC_UTF_8)
    else
        tree:add(fields.method, tvb:range(name.start - 1, 1), "")
    end
    local text = short(bytes, tvb, arguments.start, MAX_LABEL):sub(2, -2)
    local range = tvb:range(arguments.start - 1, message.rest - arguments.start)
    local list = tree:add(fields.arguments, range, text)
    list:add(fields.argument_count, range, arguments.count):set_generated()
    local at, items = arguments.payload, { left = MAX_ITEMS }
    for index = 1, arguments.count do
        at = add_value(list, bytes, tvb, at, "Argument " .. index, items)
        if items.left == 0 and index < arguments.count then
            list:add(range, "… and more, which is not shown")
            break
        end
    end
    local shown = short(bytes, tvb, arguments.start, MAX_INFO):sub(2, -2)
    return (role.resent and "Resent " or "Request ") .. printable(message.method, MAX_INFO) .. "(" .. shown .. ")"
end

-- The name of the method, as far as the capture has its request.
local function called(role)
    return role.call and " " .. printable(role.call.method, MAX_INFO) or ""
end

function show.response(tree, message, bytes, tvb, role)
    local at = HEADER_LEN + 1
    local text = short(bytes, tvb, at, MAX_LABEL)
    local result = tree:add(fields.result, tvb:range(at - 1, message.rest - at), text)
    add_value(result, bytes, tvb, at, "Value", { left = MAX_ITEMS })
    return "Response" .. called(role) .. ": " .. short(bytes, tvb, at, MAX_INFO)
end

function show.failure(tree, message, bytes, tvb, role)
    local number = number_of(tvb, message.code)
    local code = number:tonumber()
    if code < 256 then
        tree:add(fields.failure_code, tvb:range(message.code.payload - 1, message.code.len), code)
    end
    local text = bytes:sub(message.text.payload, message.text.payload + message.text.len - 1)
    if #text > 0 then
        tree:add_packet_field(fields.failure_message, tvb:range(message.text.payload - 1, #text), ENC_UTF_8)
    end
    local info = "Failure" .. called(role) .. ": " .. (FAILURE_NAMES[code] or "reason " .. tostring(number))
    if message.detail then
        local detail, next = short(bytes, tvb, message.detail, MAX_LABEL)
        local range = tvb:range(message.detail - 1, next - message.detail)
        add_value(tree:add(fields.failure_detail, range, detail), bytes, tvb, message.detail, "Value", { left = MAX_ITEMS })
        info = info .. " " .. short(bytes, tvb, message.detail, MAX_INFO)
    elseif #text > 0 then
        info = info .. " (" .. printable(text, MAX_INFO) .. ")"
    end
    tree:add_proto_expert_info(experts.refused)
    return info
end

-- Shows a message, or what is wrong with what is to be one.
local function dissect(tvb, pinfo, tree, bytes, message, reason)
    local kind = KINDS[bytes:byte(1)]
    pinfo.cols.protocol = kind.dialect
    local root = tree:add(rpcudp, tvb:range())
    root:add(fields.type, tvb:range(0, 1))
    root:add(fields.dialect, tvb:range(0, 1), kind.dialect):set_generated()
    if #bytes >= HEADER_LEN then root:add(fields.id, tvb:range(1, ID_LEN)) end
    if not message then
        root:append_text(", not a message")
        root:add_proto_expert_info(experts.malformed, "not a message: " .. reason)
        pinfo.cols.info = "Not a message: " .. reason
        return
    end
    local role = role_of(message, pinfo)
    local info = show[message.role](root, message, bytes, tvb, role)
    add_rest(root, bytes, tvb, message.rest)
    add_role(root, message, role, pinfo)
    root:append_text(", " .. info)
    pinfo.cols.info = info
end

-- Where rpcudp is known to be: a port that the user named, or two peers of which one has sent a request.
function rpcudp.dissector(tvb, pinfo, tree)
    local bytes = tvb:range():raw()
    if #bytes == 0 or not KINDS[bytes:byte(1)] then return 0 end
    local message, reason = parse(bytes)
    if not message and tvb:len() < tvb:reported_len() then
        reason = ("the capture has %d of %d bytes"):format(tvb:len(), tvb:reported_len())
    end
    dissect(tvb, pinfo, tree, bytes, message, reason)
    return tvb:len()
end

-- Whether what follows a body is what this protocol puts there.
local function is_rest(bytes, at)
    if at > #bytes then return true end
    return bytes:sub(at, at + 3) == "\xc1RuT" and bytes:byte(at + 5) == #bytes - at - 5
end

-- Anywhere else: a request has a shape that others do not have by chance, and what answers one has its id. A response by
-- itself would be any datagram whose first byte is 1.
local function heuristic(tvb, pinfo, tree)
    if tvb:len() <= HEADER_LEN or tvb:len() ~= tvb:reported_len() then return false end
    if not KINDS[tvb:range(0, 1):uint()] then return false end
    local bytes = tvb:range():raw()
    local message = parse(bytes)
    if not message or not is_rest(bytes, message.rest) then return false end
    if message.role == "request" then
        if #message.method == 0 or message.method:find("%c") then return false end
        -- What else these two exchange is taken for ours from now on, garbled or not.
        pinfo.conversation = rpcudp
    elseif not (role_of(message, pinfo)).call then
        return false
    end
    dissect(tvb, pinfo, tree, bytes, message)
    return true
end

rpcudp:register_heuristic("udp", heuristic)

local udp_ports = DissectorTable.get("udp.port")
udp_ports:add_for_decode_as(rpcudp)

local named = ""

function rpcudp.prefs_changed()
    if named ~= rpcudp.prefs.ports then
        if named ~= "" then udp_ports:remove(named, rpcudp) end
        named = rpcudp.prefs.ports
        if named ~= "" then udp_ports:add(named, rpcudp) end
    end
end
