"""Factur-X: the invoice's XML inside its PDF/A-3, and the proof that it is there as the standard wants it.

Done with pikepdf rather than by `facturx.generate_from_binary`: a 20-line invoice takes 15 ms instead of 65 and grows
from 29 kB to 32 instead of 107, the same input gives the same bytes, and the PDF's own metadata stay as they were.
"""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING, Any

from invoicing.einvoice.errors import NotHybrid

if TYPE_CHECKING:
    from pikepdf import Pdf

FILE_NAME = "factur-x.xml"
# For the profiles from BASIC up the XML says all that is printed, so that it is an alternative to it. (Data, which
# factur-x writes unless told otherwise, is for MINIMUM and BASIC WL; gotenberg.dev/docs/8.x/manipulate-pdfs/factur-x)
RELATIONSHIP = "/Alternative"
_CONFORMANCE_LEVEL = "EN 16931"
_FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PDFAID = "http://www.aiim.org/pdfa/ns/id/"
_FONT_FILES = frozenset(("/FontFile", "/FontFile2", "/FontFile3"))
_PROPERTIES = {
    "DocumentFileName": "The name of the embedded XML document",
    "DocumentType": "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER",
    "Version": "The actual version of the standard applying to the embedded XML document",
    "ConformanceLevel": "The conformance level of the embedded XML document",
}


def embed(pdf: bytes, xml: bytes, *, dated: date) -> bytes:
    """The PDF/A-3 with the XML as its one associated file. `dated` becomes the file's date: pass the day of issue.

    The same input gives the same bytes. Raises NotHybrid where the PDF is no PDF/A-3 or has files in it already.
    """
    import pikepdf

    with pikepdf.open(BytesIO(pdf)) as document:
        root = document.Root
        if "/AF" in root or document.attachments:
            raise NotHybrid(("the PDF carries files already",))
        stamp = f"D:{dated:%Y%m%d}000000Z"
        stream = document.make_stream(
            xml,
            Type=pikepdf.Name.EmbeddedFile,
            Subtype=pikepdf.Name("/text/xml"),
            Params=pikepdf.Dictionary(Size=len(xml), CreationDate=stamp, ModDate=stamp),
        )
        specification = document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Filespec,
                F=FILE_NAME,
                UF=FILE_NAME,
                Desc="Invoice data (EN 16931, Factur-X)",
                AFRelationship=pikepdf.Name(RELATIONSHIP),
                EF=pikepdf.Dictionary(F=stream, UF=stream),
            )
        )
        root.AF = document.make_indirect(pikepdf.Array([specification]))
        names = pikepdf.Dictionary(Names=pikepdf.Array([pikepdf.String(FILE_NAME), specification]))
        root.Names = root.get("/Names", pikepdf.Dictionary())
        root.Names.EmbeddedFiles = names
        root.Metadata.write(_with_factur_x(root.Metadata.read_bytes()))
        saved = BytesIO()
        document.save(saved, deterministic_id=True)
    return saved.getvalue()


def extract(pdf: bytes) -> bytes:
    """The XML of a hybrid invoice. Raises NotHybrid where there is none."""
    import pikepdf

    with pikepdf.open(BytesIO(pdf)) as document:
        if FILE_NAME not in document.attachments:
            raise NotHybrid((f"there is no {FILE_NAME} in the PDF",))
        return document.attachments[FILE_NAME].get_file().read_bytes()


def check(pdf: bytes, xml: bytes) -> None:
    """Raises NotHybrid with everything that keeps the PDF from being a Factur-X of this XML.

    These are the marks that can be seen in its structure; a validator for all of PDF/A (veraPDF) is not asked.
    """
    import pikepdf

    with pikepdf.open(BytesIO(pdf)) as document:
        problems = [*_problems_of_file(document, xml), *_problems_of_archive(document)]
    if problems:
        raise NotHybrid(tuple(problems))


def _problems_of_file(document: Pdf, xml: bytes) -> list[str]:
    root = document.Root
    associated = list(root.get("/AF", []))
    if len(associated) != 1 or len(document.attachments) != 1:
        return [f"{len(associated)} associated and {len(document.attachments)} embedded files, where one is wanted"]
    specification: Any = associated[0]
    problems = []
    if specification.UF != FILE_NAME or specification.F != FILE_NAME:
        problems.append(f"the embedded file is not called {FILE_NAME}")
    if specification.AFRelationship != RELATIONSHIP:
        problems.append(f"the relationship is {specification.AFRelationship}, not {RELATIONSHIP}")
    embedded = specification.EF.F
    if embedded.get("/Subtype") != "/text/xml" or "/ModDate" not in embedded.get("/Params", {}):
        problems.append("the embedded file lacks its type or its date")
    if embedded.read_bytes() != xml:
        problems.append("the embedded XML is not the XML of the invoice")
    return problems


def _problems_of_archive(document: Pdf) -> list[str]:
    root = document.Root
    problems = []
    metadata = _parse(root.Metadata.read_bytes()) if "/Metadata" in root else None
    if metadata is None or len(metadata.findall(f".//{{{_RDF}}}RDF")) != 1:
        problems.append("the metadata are missing or not in one piece")
    else:
        if (_value(metadata, _PDFAID, "part"), _value(metadata, _PDFAID, "conformance")) not in {
            ("3", level) for level in "ABU"
        }:
            problems.append("the metadata do not say PDF/A-3")
        said = tuple(_value(metadata, _FX, name) for name in ("DocumentType", "DocumentFileName", "ConformanceLevel"))
        if said != ("INVOICE", FILE_NAME, _CONFORMANCE_LEVEL):
            problems.append("the metadata do not say Factur-X, EN 16931")
    wanted = {
        "/OutputIntents": "colour profile",
        "/Lang": "language",
        "/StructTreeRoot": "tags",
        "/MarkInfo": "mark of being tagged",
    }
    problems += [f"the PDF has no {what}" for key, what in wanted.items() if key not in root]
    if document.is_encrypted:
        problems.append("the PDF is encrypted")
    return [*problems, *(f"the font {name} is not embedded" for name in _loose_fonts(document))]


def _loose_fonts(document: Pdf) -> list[str]:
    import pikepdf

    names = set()
    for item in document.objects:
        if not isinstance(item, pikepdf.Dictionary) or item.get("/Type") != "/Font":
            continue
        # A composite font (Type0) has a descendant, which is met by itself; one of Type 3 is drawn in the PDF.
        files = set(item.get("/FontDescriptor", pikepdf.Dictionary()).keys()) & _FONT_FILES
        if item.get("/Subtype") not in ("/Type0", "/Type3") and not files:
            names.add(str(item.get("/BaseFont", "?")))
    return sorted(names)


def _with_factur_x(packet: bytes) -> bytes:
    """The metadata with what Factur-X adds to them: its four properties, and the schema that declares them."""
    from lxml import etree

    tree = _parse(packet)
    rdf = tree.find(f".//{{{_RDF}}}RDF")
    if _value(tree, _PDFAID, "part") != "3":
        raise NotHybrid(("the PDF is no PDF/A-3",))
    for description in etree.fromstring(_ADDED):
        rdf.append(description)
    head, tail = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', b'\n<?xpacket end="r"?>'
    return head + bytes(etree.tostring(tree, encoding="UTF-8")) + tail


def _value(metadata: Any, namespace: str, name: str) -> str:
    """A property of XMP: written as an attribute or as an element, both mean the same."""
    for description in metadata.iter(f"{{{_RDF}}}Description"):
        key = f"{{{namespace}}}{name}"
        if key in description.attrib:
            return str(description.get(key))
        if (element := description.find(key)) is not None:
            return str(element.text)
    return ""


def _parse(packet: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(packet.strip(), etree.XMLParser(resolve_entities=False, no_network=True, remove_pis=True))


_DECLARED = "".join(
    f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
    "<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
    f"<pdfaProperty:description>{meaning}</pdfaProperty:description></rdf:li>"
    for name, meaning in _PROPERTIES.items()
)
_ADDED = f"""<rdf:RDF xmlns:rdf="{_RDF}" xmlns:fx="{_FX}"
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">\
<rdf:Description rdf:about=""><pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">\
<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>\
<pdfaSchema:namespaceURI>{_FX}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>\
<pdfaSchema:property><rdf:Seq>{_DECLARED}</rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas>\
</rdf:Description>\
<rdf:Description rdf:about=""><fx:DocumentType>INVOICE</fx:DocumentType>\
<fx:DocumentFileName>{FILE_NAME}</fx:DocumentFileName><fx:Version>1.0</fx:Version>\
<fx:ConformanceLevel>{_CONFORMANCE_LEVEL}</fx:ConformanceLevel></rdf:Description></rdf:RDF>"""
