"""The report: how everything is doing, on one page for a browser.

`content` reads it, `attention` says what somebody has to look at, `charts` and `page` draw it.
chart.js beside them is Chart.js as its makers publish it (MIT licence). It is put into every page,
so that a page needs no network.
"""
