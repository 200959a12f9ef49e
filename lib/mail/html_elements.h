/*
 * The HTML elements: HTML 4, HTML 5, what old clients knew, a little SVG.
 *
 * X(IDENTIFIER, "name", what it puts between words, raw number, flags), sorted by
 * name; html_tag.h explains the columns.  What separates words follows
 * SpamAssassin, whose rules see paragraphs so; where it puts nothing between two
 * blocks, a space keeps words apart.
 */
#ifndef GP_MAIL_HTML_ELEMENTS_H
#define GP_MAIL_HTML_ELEMENTS_H

/* clang-format off */
#define GP_HTML_ELEMENTS(X) \
	X(A, "a", INLINE, 0, 0) \
	X(ABBR, "abbr", INLINE, 0, 0) \
	X(ACRONYM, "acronym", INLINE, 0, 0) \
	X(ADDRESS, "address", SPACE, 0, 0) \
	X(APPLET, "applet", INLINE, 0, 0) \
	X(AREA, "area", INLINE, 0, GP_HTML_VOID) \
	X(ARTICLE, "article", SPACE, 0, 0) \
	X(ASIDE, "aside", SPACE, 0, 0) \
	X(AUDIO, "audio", SPACE, 0, 0) \
	X(B, "b", INLINE, 0, 0) \
	X(BASE, "base", INLINE, 0, GP_HTML_VOID) \
	X(BASEFONT, "basefont", INLINE, 0, GP_HTML_VOID) \
	X(BDI, "bdi", INLINE, 0, 0) \
	X(BDO, "bdo", INLINE, 0, 0) \
	X(BGSOUND, "bgsound", INLINE, 0, GP_HTML_VOID) \
	X(BIG, "big", INLINE, 0, 0) \
	X(BLINK, "blink", INLINE, 0, 0) \
	X(BLOCKQUOTE, "blockquote", PARAGRAPH, 0, 0) \
	X(BODY, "body", SPACE, 0, 0) \
	X(BR, "br", NEWLINE, 0, GP_HTML_VOID) \
	X(BUTTON, "button", SPACE, 0, 0) \
	X(CANVAS, "canvas", INLINE, 0, 0) \
	X(CAPTION, "caption", SPACE, 0, 0) \
	X(CENTER, "center", SPACE, 0, 0) \
	X(CIRCLE, "circle", INLINE, 0, 0) \
	X(CITE, "cite", INLINE, 0, 0) \
	X(CODE, "code", INLINE, 0, 0) \
	X(COL, "col", INLINE, 0, GP_HTML_VOID) \
	X(COLGROUP, "colgroup", INLINE, 0, 0) \
	X(COMMAND, "command", INLINE, 0, 0) \
	X(DATA, "data", INLINE, 0, 0) \
	X(DATALIST, "datalist", INLINE, 0, GP_HTML_UNSEEN) \
	X(DD, "dd", SPACE, 0, 0) \
	X(DEL, "del", INLINE, 0, 0) \
	X(DETAILS, "details", SPACE, 0, 0) \
	X(DFN, "dfn", INLINE, 0, 0) \
	X(DIALOG, "dialog", INLINE, 0, 0) \
	X(DIR, "dir", SPACE, 0, 0) \
	X(DIV, "div", NEWLINE, 0, 0) \
	X(DL, "dl", SPACE, 0, 0) \
	X(DT, "dt", SPACE, 0, 0) \
	X(EM, "em", INLINE, 0, 0) \
	X(EMBED, "embed", SPACE, 0, GP_HTML_VOID) \
	X(FIELDSET, "fieldset", SPACE, 0, 0) \
	X(FIGCAPTION, "figcaption", SPACE, 0, 0) \
	X(FIGURE, "figure", SPACE, 0, 0) \
	X(FONT, "font", INLINE, 0, 0) \
	X(FOOTER, "footer", SPACE, 0, 0) \
	X(FORM, "form", SPACE, 0, 0) \
	X(FRAME, "frame", INLINE, 0, GP_HTML_VOID) \
	X(FRAMESET, "frameset", SPACE, 0, 0) \
	X(G, "g", INLINE, 0, 0) \
	X(H1, "h1", SPACE, 0, 0) \
	X(H2, "h2", SPACE, 0, 0) \
	X(H3, "h3", SPACE, 0, 0) \
	X(H4, "h4", SPACE, 0, 0) \
	X(H5, "h5", SPACE, 0, 0) \
	X(H6, "h6", SPACE, 0, 0) \
	X(HEAD, "head", SPACE, 0, 0) \
	X(HEADER, "header", SPACE, 0, 0) \
	X(HGROUP, "hgroup", INLINE, 0, 0) \
	X(HR, "hr", PARAGRAPH, 0, GP_HTML_VOID) \
	X(HTML, "html", SPACE, 0, 0) \
	X(I, "i", INLINE, 0, 0) \
	X(IFRAME, "iframe", SPACE, 4, GP_HTML_RAW_TO_END | GP_HTML_UNSEEN) \
	X(ILAYER, "ilayer", INLINE, 0, 0) \
	X(IMAGE, "image", INLINE, 0, 0) \
	X(IMG, "img", INLINE, 0, GP_HTML_VOID) \
	X(INPUT, "input", SPACE, 0, GP_HTML_VOID) \
	X(INS, "ins", INLINE, 0, 0) \
	X(ISINDEX, "isindex", INLINE, 0, GP_HTML_VOID) \
	X(KBD, "kbd", INLINE, 0, 0) \
	X(KEYGEN, "keygen", INLINE, 0, GP_HTML_VOID) \
	X(LABEL, "label", INLINE, 0, 0) \
	X(LAYER, "layer", INLINE, 0, 0) \
	X(LEGEND, "legend", SPACE, 0, 0) \
	X(LI, "li", SPACE, 0, 0) \
	X(LINE, "line", INLINE, 0, 0) \
	X(LINK, "link", INLINE, 0, GP_HTML_VOID) \
	X(LISTING, "listing", PARAGRAPH, 0, 0) \
	X(MAIN, "main", SPACE, 0, 0) \
	X(MAP, "map", INLINE, 0, 0) \
	X(MARK, "mark", INLINE, 0, 0) \
	X(MARQUEE, "marquee", INLINE, 0, 0) \
	X(MATH, "math", INLINE, 0, 0) \
	X(MENU, "menu", SPACE, 0, 0) \
	X(MENUITEM, "menuitem", INLINE, 0, 0) \
	X(META, "meta", INLINE, 0, GP_HTML_VOID) \
	X(METER, "meter", INLINE, 0, 0) \
	X(MULTICOL, "multicol", INLINE, 0, 0) \
	X(NAV, "nav", SPACE, 0, 0) \
	X(NOBR, "nobr", INLINE, 0, 0) \
	X(NOEMBED, "noembed", INLINE, 0, GP_HTML_UNSEEN) \
	X(NOFRAMES, "noframes", INLINE, 0, GP_HTML_UNSEEN) \
	X(NOLAYER, "nolayer", INLINE, 0, 0) \
	X(NOSCRIPT, "noscript", SPACE, 0, 0) \
	X(OBJECT, "object", SPACE, 0, 0) \
	X(OL, "ol", SPACE, 0, 0) \
	X(OPTGROUP, "optgroup", SPACE, 0, 0) \
	X(OPTION, "option", SPACE, 0, 0) \
	X(OUTPUT, "output", SPACE, 0, 0) \
	X(P, "p", PARAGRAPH, 0, 0) \
	X(PARAM, "param", INLINE, 0, GP_HTML_VOID) \
	X(PATH, "path", INLINE, 0, 0) \
	X(PICTURE, "picture", INLINE, 0, 0) \
	X(PLAINTEXT, "plaintext", PARAGRAPH, 5, GP_HTML_RAW_TO_END) \
	X(POLYGON, "polygon", INLINE, 0, 0) \
	X(PRE, "pre", PARAGRAPH, 0, 0) \
	X(PROGRESS, "progress", INLINE, 0, 0) \
	X(Q, "q", INLINE, 0, 0) \
	X(RECT, "rect", INLINE, 0, 0) \
	X(RP, "rp", INLINE, 0, 0) \
	X(RT, "rt", INLINE, 0, 0) \
	X(RUBY, "ruby", INLINE, 0, 0) \
	X(S, "s", INLINE, 0, 0) \
	X(SAMP, "samp", INLINE, 0, 0) \
	X(SCRIPT, "script", INLINE, 1, GP_HTML_NEVER_TEXT) \
	X(SECTION, "section", SPACE, 0, 0) \
	X(SELECT, "select", SPACE, 0, 0) \
	X(SERVER, "server", INLINE, 0, 0) \
	X(SLOT, "slot", INLINE, 0, 0) \
	X(SMALL, "small", INLINE, 0, 0) \
	X(SOURCE, "source", INLINE, 0, GP_HTML_VOID) \
	X(SPACER, "spacer", INLINE, 0, 0) \
	X(SPAN, "span", INLINE, 0, 0) \
	X(STRIKE, "strike", INLINE, 0, 0) \
	X(STRONG, "strong", INLINE, 0, 0) \
	X(STYLE, "style", INLINE, 2, GP_HTML_NEVER_TEXT) \
	X(SUB, "sub", INLINE, 0, 0) \
	X(SUMMARY, "summary", SPACE, 0, 0) \
	X(SUP, "sup", INLINE, 0, 0) \
	X(SVG, "svg", INLINE, 0, 0) \
	X(TABLE, "table", SPACE, 0, 0) \
	X(TBODY, "tbody", SPACE, 0, 0) \
	X(TD, "td", SPACE, 0, 0) \
	X(TEMPLATE, "template", INLINE, 0, GP_HTML_UNSEEN) \
	X(TEXT, "text", INLINE, 0, 0) \
	X(TEXTAREA, "textarea", SPACE, 7, GP_HTML_RAW_DECODED | GP_HTML_RAW_TO_END) \
	X(TFOOT, "tfoot", SPACE, 0, 0) \
	X(TH, "th", SPACE, 0, 0) \
	X(THEAD, "thead", SPACE, 0, 0) \
	X(TIME, "time", INLINE, 0, 0) \
	X(TITLE, "title", PARAGRAPH, 6, GP_HTML_RAW_DECODED) \
	X(TR, "tr", SPACE, 0, 0) \
	X(TRACK, "track", INLINE, 0, GP_HTML_VOID) \
	X(TT, "tt", INLINE, 0, 0) \
	X(U, "u", INLINE, 0, 0) \
	X(UL, "ul", SPACE, 0, 0) \
	X(USE, "use", INLINE, 0, 0) \
	X(VAR, "var", INLINE, 0, 0) \
	X(VIDEO, "video", SPACE, 0, 0) \
	X(WBR, "wbr", INLINE, 0, GP_HTML_VOID) \
	X(X, "x", INLINE, 0, 0) \
	X(XML, "xml", INLINE, 0, 0) \
	X(XMP, "xmp", PARAGRAPH, 3, GP_HTML_RAW_TO_END)
/* clang-format on */

#endif
